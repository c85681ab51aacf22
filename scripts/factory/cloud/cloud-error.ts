/** The cloud cannot be reached, cannot answer now, or answers in a way that this version does not know. */
export class CloudError extends Error {}
