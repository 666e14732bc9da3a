const TYPES: Readonly<Record<number, [type: string, code: string | null]>> = {
  400: ["invalid_request_error", null],
  401: ["invalid_request_error", "invalid_api_key"],
  404: ["invalid_request_error", "model_not_found"],
  429: ["requests", "rate_limit_exceeded"],
};

/** An error's body, after OpenAI's guide "Error codes" (https://platform.openai.com/docs/guides/error-codes). */
export function openAIError(status: number, message: string): object {
  const [type, code] = TYPES[status] ?? ["server_error", null];
  return { error: { message, type, param: null, code } };
}
