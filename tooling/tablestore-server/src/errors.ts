/** An answer other than success, as the service words it: an HTTP status, a code and a message. */
export class ServiceError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = STATUS[code] ?? 400,
  ) {
    super(message);
  }
}

/** Of the codes and texts in "Error codes" of Tablestore's documentation; two about capacity units are in the SDKs only. */
const STATUS: Readonly<Record<string, number>> = {
  OTSAuthFailed: 403,
  OTSCapacityUnitExhausted: 403,
  OTSConditionCheckFail: 403,
  OTSFlowControl: 429,
  OTSInternalServerError: 500,
  OTSInvalidPK: 400,
  OTSMethodNotAllowed: 405,
  OTSNoPermissionAccess: 403,
  OTSNotEnoughCapacityUnit: 403,
  OTSObjectAlreadyExist: 409,
  OTSObjectNotExist: 404,
  OTSParameterInvalid: 400,
  OTSPartitionUnavailable: 503,
  OTSQuotaExhausted: 403,
  OTSRequestBodyTooLarge: 413,
  OTSRowOperationConflict: 409,
  OTSServerBusy: 503,
  OTSServerUnavailable: 503,
  OTSTableNotReady: 404,
  OTSTimeout: 503,
  OTSTooFrequentReservedThroughputAdjustment: 403,
};

export const parameterInvalid = (message: string) => new ServiceError("OTSParameterInvalid", message);
export const invalidKey = (message: string) => new ServiceError("OTSInvalidPK", message);
export const authFailed = (message: string) => new ServiceError("OTSAuthFailed", message);
export const tableMissing = () => new ServiceError("OTSObjectNotExist", "Requested table does not exist.");
export const tableNotReady = () => new ServiceError("OTSTableNotReady", "The table is not ready.");
export const conditionFailed = () => new ServiceError("OTSConditionCheckFail", "Condition check failed.");

/** Not an error of the service: something that it can do and this server can't, which must not look as if it were done. */
export const unsupported = (what: string) => parameterInvalid(`This test server does not support ${what}.`);
