import type { CapturedRequest } from "../shared/captured_call.ts";
import { filledText, type Loose, looseOf, textOf } from "../shared/loose.ts";
import type { Input } from "../shared/messages.ts";
import { plainObject } from "../shared/plain_json.ts";
import { requestParameters, toolsOf } from "../wire/request_parameters.ts";
import { toolText } from "./messages.ts";

/** What LangChain tells of a run beside what it is about. */
export interface Run {
  readonly runId: string;
  readonly parentRunId: string | undefined;
  /** The outermost run that this one is within; itself where there is none. */
  readonly rootRunId: string;
  /** Which attempt of `withRetry()` it is, or is within, as far as is told. */
  readonly attempt: number | undefined;
  readonly tags: unknown;
  readonly metadata: unknown;
  readonly runName: string | undefined;
}

/** LangChain's names of providers, and those of the conventions. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: "azure.ai.openai",
  azure_openai: "azure.ai.openai",
  amazon_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  ibm: "ibm.watsonx.ai",
  mistral: "mistral_ai",
  mistralai: "mistral_ai",
  moonshot: "moonshot_ai",
  xai: "x_ai",
};
/** What of a model's parameters is none, or is told otherwise. */
const CONTENT = ["model", "model_name", "tools", "functions", "_type", "stream", "stream_options"];
/** What of a run's metadata LangChain puts there itself, and which is told otherwise. */
const TOLD = /^(?:ls_|__|versions$|lc_versions$)/;

/** What a model is about to be asked. */
export function modelRequest(
  operation: string,
  llm: object,
  asked: Input,
  extraParams: object | undefined,
  run: Run,
): CapturedRequest {
  const given = looseOf(looseOf(extraParams)["invocation_params"]);
  const { ls_provider, ls_model_name } = looseOf(run.metadata);
  const provider = textOf(ls_provider) ?? typeOf(llm);
  const model = filledText(given["model"]) ?? filledText(given["model_name"]) ??
    filledText(ls_model_name) ?? nameOf(llm) ?? "";
  const { metadata, parameters } = requestParameters(given, CONTENT);
  return {
    provider: provider === undefined ? undefined : PROVIDERS[provider] ?? provider,
    operation,
    model,
    input: { ...asked, tools: [...toolsOf(given["tools"]), ...toolsOf(given["functions"])] },
    metadata: { ...metadata, ...runMetadata(run) },
    parameters,
  };
}

/** What a tool is about to be given. */
export function toolRequest(
  tool: object,
  input: unknown,
  toolCallId: string | undefined,
  run: Run,
): CapturedRequest {
  const name = filledText(run.runName) ?? nameOf(tool) ?? "tool";
  return {
    provider: undefined,
    operation: "execute_tool",
    // A tool's entry is found by the tool's name.
    model: name,
    isModel: false,
    input: toolText(input),
    metadata: {
      ...runMetadata(run),
      "gen_ai.tool.name": name,
      "gen_ai.tool.call.id": filledText(toolCallId),
    },
  };
}

function runMetadata(run: Run): Loose {
  const { runId, parentRunId, rootRunId, attempt, tags, metadata, runName } = run;
  const said = plainObject(looseOf(metadata));
  const own = Object.fromEntries(Object.entries(said).filter(([key]) => !TOLD.test(key)));
  return {
    // LangGraph's name of a conversation.
    "gen_ai.conversation.id": filledText(said["thread_id"]),
    "langchain.run_id": runId,
    "langchain.parent_run_id": parentRunId,
    "langchain.root_run_id": rootRunId,
    "langchain.run_name": filledText(runName),
    "langchain.tags": Array.isArray(tags) && tags.length > 0 ? tags : undefined,
    "langchain.metadata": Object.keys(own).length === 0 ? undefined : own,
    attempt,
  };
}

/** The class that something serialised is of. */
function nameOf(serialized: object): string | undefined {
  const { name, id } = looseOf(serialized);
  return filledText(name) ?? (Array.isArray(id) ? filledText(id.at(-1)) : undefined);
}

/** What a model that completes texts calls its kind, in the name of its class: nothing else tells whose it is. */
function typeOf(serialized: object): string | undefined {
  const { id } = looseOf(serialized);
  const [group, type] = Array.isArray(id) ? id.slice(-3) : [];
  return group === "llms" ? filledText(type) : undefined;
}
