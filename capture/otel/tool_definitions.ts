import type { JsonObject, JsonValue } from "../../mod.ts";

/**
 * Tools as the conventions have them, `type`, `name`, `description` and `parameters`: entries have them as the provider does. OpenAI's chat
 * completions have these within `function`, Anthropic calls the schema `input_schema`, the AI SDK `inputSchema`. Others stay as they are.
 */
export function toolDefinitions(tools: JsonValue): JsonValue {
  return Array.isArray(tools) ? tools.map(toolDefinition) : tools;
}

function toolDefinition(tool: JsonValue): JsonValue {
  if (typeof tool !== "object" || tool === null || Array.isArray(tool)) return tool;
  const { function: called, ...around } = tool as JsonObject;
  if (typeof called === "object" && called !== null && !Array.isArray(called)) {
    return { type: "function", ...around, ...called };
  }
  const { input_schema, inputSchema = input_schema, ...rest } = tool as JsonObject;
  return inputSchema === undefined ? tool : { type: "function", ...rest, parameters: inputSchema };
}
