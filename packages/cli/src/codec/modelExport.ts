/** What a format makes of a model: files by name, and what to know about them. */
export interface ModelExport {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly notes: readonly string[];
}
