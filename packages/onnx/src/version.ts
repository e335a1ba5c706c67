/** Version of this package; the release script sets it. */
export const version = "0.1.0";
