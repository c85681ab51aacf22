/** `npm run config:schema`: writes the JSON Schema of the CA config to `config/schema.json`. */
import { writeFileSync } from 'node:fs'
import { jsonSchemaText } from '../config/json-schema.ts'

const file = new URL('../config/schema.json', import.meta.url)
writeFileSync(file, jsonSchemaText())
console.log(`wrote ${file.pathname}`)
