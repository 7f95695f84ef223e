/** What is tried in the packages' own tests, and not here. */
const lacks = { requestCount: "counted in the package's tests", injectedClient: "tried in the package's tests" };
/** How long things take is not what is tried here: several runtimes may share a slow machine. */
const patience = { timeoutMs: 180_000 };
let places = 0;

/** A store on a running server, for the kit. `connect` gets a name for a place of its own, and options. */
export function subjectOf(name, connect, ownLacks = {}) {
  return {
    name,
    lacks: { ...lacks, ...ownLacks },
    ttlGranularitySeconds: 2,
    async space() {
      const place = `r${Date.now().toString(36)}${++places}`;
      return { connect: async (options) => connect(place, { ...patience, ...options }), dispose: async () => {} };
    },
  };
}
