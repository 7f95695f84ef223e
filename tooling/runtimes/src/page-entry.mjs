// A script for a page, which runs the kit: its subject is what the bundler puts for "subject".
import { subject } from "subject";
import { runKit } from "./run-kit.mjs";

globalThis.runKitOn = (connection) => runKit(subject(connection));
