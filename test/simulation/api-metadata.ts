import { zodToOpenAPIRegistry as registry } from '@asteasolutions/zod-to-openapi';

type Schema = Parameters<typeof registry.add>[0];

/**
 * What a node's start says of its API goes into one registry of the process, for ever. A process has one node; here it has
 * thousands, one after the other, and slowed down with each.
 * @returns takes out what has come since
 */
export function noteApiMetadata(): () => void {
  const { add } = registry;
  const added: Schema[] = [];
  registry.add = (schema, ...more) => {
    added.push(schema);
    return add.call(registry, schema, ...more);
  };
  return () => {
    registry.add = add;
    for (const schema of added) registry.remove(schema);
  };
}
