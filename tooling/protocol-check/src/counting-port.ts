import type { HeadPort } from "@chatkeep/chat-store-core/backend";
import type { Service } from "./service.js";
import { ServicePort, type ServicePortOptions } from "./service-port.js";

/** A port that notes which of its methods are called, in their order, and answers each after a while: at once when absent. */
export function countingPort(
  service: Service,
  options: ServicePortOptions & { wait?: (method: string) => Promise<void> },
): { port: HeadPort; calls: string[] } {
  const calls: string[] = [];
  const port = new ServicePort(async (_kind, apply) => apply(service), options);
  const counted = new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function" || typeof name !== "string") return member;
      if (name === "now") return () => target.now();
      return async (...args: unknown[]) => {
        calls.push(name === "putRows" && Array.isArray(args[1]) ? `putRows(${args[1].length})` : name);
        await options.wait?.(name);
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  return { port: counted, calls };
}
