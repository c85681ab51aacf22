/** The CA config as JSON Schema, for editors and for whoever writes configs with other tools. */

import { variableOf } from './environment.ts'
import type { JsonSchema } from './reader.ts'
import { type Leaf, leaves, SECTION_DOCS } from './schema.ts'

/** The whole schema, made from the table that also checks the config. */
export function jsonSchema(): JsonSchema {
  const all = leaves()
  const properties: Record<string, JsonSchema> = { $schema: { type: 'string', description: 'Where this schema is, for editors.' } }
  for (const leaf of all.filter(({ path }) => !path.includes('.'))) properties[leaf.path] = leafSchema(leaf)
  for (const [name, description] of Object.entries(SECTION_DOCS)) {
    const own = all.filter(({ path }) => path.startsWith(`${name}.`))
    properties[name] = section(description, own)
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'CA config of the ZipKey agent',
    description:
      'Lives in /etc/zipkey/ca.json; drop-ins in /etc/zipkey/ca.d/*.json are laid over it in name order, objects merged and lists replaced, and the named environment variables over both. The agent also checks what a schema cannot: checksums of secrets, certificates, that files are there.',
    type: 'object',
    properties,
    required: [...rootRequired(all)],
    additionalProperties: false,
  }
}

function section(description: string, own: readonly Leaf[]): JsonSchema {
  return {
    type: 'object',
    description,
    properties: Object.fromEntries(own.map((leaf) => [keyOf(leaf), leafSchema(leaf)])),
    required: own.filter(({ setting }) => setting.required).map(keyOf),
    additionalProperties: false,
  }
}

const keyOf = ({ path }: Leaf): string => path.slice(path.indexOf('.') + 1)

/** A section must be there when one of its keys must; the device needs an id or a place to read it from. */
function rootRequired(all: readonly Leaf[]): ReadonlySet<string> {
  const needed = all.filter(({ setting }) => setting.required).map(({ path }) => path.split('.')[0] ?? path)
  return new Set([...needed, 'device'])
}

function leafSchema(leaf: Leaf): JsonSchema {
  const { reader } = leaf.setting
  const variable = variableOf(leaf)
  const described = {
    ...reader.json(),
    ...(variable === null ? {} : { description: `${reader.doc} Environment: ${variable}.` }),
  }
  return leaf.setting.required || leaf.setting.absent === null ? described : { ...described, default: leaf.setting.absent }
}

/** The published text of the schema. */
export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`
