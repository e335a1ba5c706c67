/** Parts of the reference's `state_dict` names. */

/** The entries whose names start with `prefix`, named by what follows. */
export function below<Value>(
  entries: Readonly<Record<string, Value>>,
  prefix: string,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/** The entries with a prefix before their names. */
export function under<Value>(
  prefix: string,
  entries: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [`${prefix}${name}`, value]),
  );
}

/** All entries of several parts. */
export const joined = <Value>(
  parts: readonly Readonly<Record<string, Value>>[],
): Record<string, Value> => Object.assign({}, ...parts);
