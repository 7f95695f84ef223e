import orchestrator from "azurite/dist/src/table/batch/TableBatchOrchestrator.js";

// Azurite 3.35.0 keeps what a transaction is rolled back to in one place for all, so that one that is refused can undo
// what another that goes on meanwhile was told to be done. The service doesn't: here they go on one after another.
const { prototype } = orchestrator.default;
const submit = prototype.submitRequestsToHandlers;
let last = Promise.resolve();
prototype.submitRequestsToHandlers = function () {
  const submitted = last.then(() => submit.call(this));
  last = submitted.catch(() => {});
  return submitted;
};
