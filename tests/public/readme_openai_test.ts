// The examples of the README of `openai` 7, by the headings that they stand under. Those that make no request are not here
// (managed identities, which differ from a custom provider by where they get a token; mutual TLS, which differs from a fetch of one's
// own by its connection); nor X.509 certificates, for which the client takes no fetch, and the Realtime API, which is no HTTP: neither
// is captured.

import OpenAI, { AzureOpenAI, toFile, toStreamingFile } from "openai";
import { toResponseInputItems } from "openai/lib/responses/ResponseInputItems";
import { bedrock } from "openai/providers/bedrock";
import { auditOpenAI } from "@audit-log/llm/openai";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { all, API_KEY } from "../support/captured.ts";
import { deafFetch, toldTo } from "../support/fetches.ts";
import { configured, type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

function parts({ url, provider, log }: Setting) {
  const wrap = <Client extends object>(client: Client): Client =>
    log === undefined ? client : auditOpenAI(client, log);
  return {
    url,
    provider,
    OpenAI: configured(OpenAI, { apiKey: API_KEY, baseURL: `${url}/v1` }, wrap),
    /** With no key and no address of its own. */
    BareOpenAI: configured(OpenAI, {}, wrap),
    AzureOpenAI: configured(AzureOpenAI, { endpoint: url }, wrap),
  };
}

type Examples = Record<string, Example<ReturnType<typeof parts>>>;

const SEMICOLONS = "Are semicolons optional in JavaScript?";
const JOB = { model: "gpt-4o", training_file: "file-abc123" };
const say = (text: string | string[]) => [{ text }];
/** An answer that has the client try again at once. */
const again = (status: number) => ({ status, headers: { "retry-after-ms": "1" } });

const usage: Examples = {
  "Usage": {
    replies: say("Arr, they be."),
    records: [["completed", SEMICOLONS, "Arr, they be."]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI({ apiKey: API_KEY });

      const response = await client.responses.create({
        model: "gpt-5.5",
        instructions: "You are a coding assistant that talks like a pirate",
        input: SEMICOLONS,
      });

      return [response.output_text, response];
    },
  },
  "Multi-turn conversations, by toResponseInputItems() and by previous_response_id": {
    replies: [
      { text: "Aye.", reasoning: "Think." },
      { text: "Nay.", id: "resp_2" },
      { text: "Aye, I said." },
    ],
    records: [
      ["completed", "Aye?", "[reasoning] Aye."],
      ["completed", "Nay?", "Nay."],
      ["completed", "What?", "Aye, I said."],
    ],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const first = await client.responses.create({ model: "gpt-5.5", input: "Aye?" });
      const input = [...toResponseInputItems(first.output), {
        role: "user" as const,
        content: "Nay?",
      }];
      const second = await client.responses.create({ model: "gpt-5.5", input });
      const third = await client.responses.create({
        model: "gpt-5.5",
        input: "What?",
        previous_response_id: second.id,
      });
      return [first, second, third];
    },
  },
  "Multi-turn conversations, by chat completions": {
    replies: say("Arr."),
    records: [["completed", SEMICOLONS, "Arr."]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const completion = await client.chat.completions.create({
        model: "gpt-5.5",
        messages: [
          { role: "developer", content: "Talk like a pirate." },
          { role: "user", content: SEMICOLONS },
        ],
      });
      return [completion.choices[0]!.message.content, completion];
    },
  },
  "Vision": {
    replies: say("A cat."),
    records: [["completed", "What is in this image? [uri]", "A cat."]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const response = await client.responses.create({
        model: "gpt-5.5",
        input: [
          {
            role: "user",
            content: [
              { type: "input_text", text: "What is in this image?" },
              {
                type: "input_image",
                detail: "auto",
                image_url: "https://api.nga.gov/iiif/a2e6da57/full/!800,800/0/default.jpg",
              },
            ],
          },
        ],
      });
      return [response.output_text, response];
    },
  },
  "Workload Identity Authentication, Custom subject token provider": {
    replies: [{ text: "Hello!" }],
    records: [["completed", "Hello!", "Hello!"]],
    run: async ({ BareOpenAI, url }) => {
      const { fetch, told } = toldTo((input, init) =>
        input === "https://auth.openai.com/oauth/token"
          ? Promise.resolve(Response.json({ access_token: API_KEY, expires_in: 3600 }))
          : globalThis.fetch(input, init)
      );
      const client = new BareOpenAI({
        workloadIdentity: {
          identityProviderId: "idp-123",
          serviceAccountId: "sa-456",
          provider: { tokenType: "jwt", getToken: () => Promise.resolve(API_KEY) },
          refreshBufferSeconds: 120.0,
        },
        baseURL: `${url}/v1`,
        fetch,
      });
      const response = await client.chat.completions.create({
        model: "gpt-5.5",
        messages: [{ role: "user", content: "Hello!" }],
      });
      return [response, told];
    },
  },
  "Streaming responses": {
    replies: say(["Sheep ", "sleep ", "deep"]),
    records: [["completed", 'Say "Sheep sleep deep" ten times fast!', "Sheep sleep deep"]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const stream = await client.responses.create({
        model: "gpt-5.5",
        input: 'Say "Sheep sleep deep" ten times fast!',
        stream: true,
      });
      const events: unknown[] = [stream];
      for await (const event of stream) events.push(event);
      return events;
    },
  },
  "File uploads": {
    replies: Array.from({ length: 5 }, (_, n) => ({ json: { id: `file-${n}`, object: "file" } })),
    records: [],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const purpose = "fine-tune";
      const file = new File(["my bytes"], "input.jsonl");
      return [
        await client.files.create({ file, purpose }),
        await client.files.create({
          file: await toFile(new Response("my bytes"), "input.jsonl"),
          purpose,
        }),
        await client.files.create({
          file: await toFile(Buffer.from("my bytes"), "input.jsonl"),
          purpose,
        }),
        await client.files.create({
          file: await toFile(new Uint8Array([0, 1, 2]), "input.jsonl"),
          purpose,
        }),
        await client.files.create({
          file: toStreamingFile(new Blob(["my bytes"]).stream(), "input.jsonl", {
            type: "application/jsonl",
          }),
          purpose,
        }),
      ];
    },
  },
  "Webhook Verification, Parsing and verifying webhook payloads": {
    records: [],
    run: async ({ OpenAI }) => {
      const secret = Buffer.from("a secret");
      const client = new OpenAI({ webhookSecret: `whsec_${secret.toString("base64")}` });
      const body = JSON.stringify({ type: "response.completed", data: { id: "resp_1" } });
      const at = String(Math.floor(Date.now() / 1000));
      const signed = createHmac("sha256", secret).update(`wh_1.${at}.${body}`).digest("base64");
      const headers = {
        "webhook-id": "wh_1",
        "webhook-timestamp": at,
        "webhook-signature": `v1,${signed}`,
      };
      await client.webhooks.verifySignature(body, headers);
      return [
        await client.webhooks.unwrap(body, headers),
        await client.webhooks.unwrap(`${body} `, headers).catch((error) => error),
      ];
    },
  },
};

const errors: Examples = {
  "Handling errors": {
    replies: [{ status: 400, json: { error: { message: "No such file.", param: null } } }],
    records: [],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      return await client.fineTuning.jobs.create(JOB).catch((err) => {
        if (err instanceof OpenAI.APIError) {
          return [
            err.requestID,
            err.status,
            err instanceof OpenAI.BadRequestError,
            err.headers,
            err,
          ];
        } else throw err;
      });
    },
  },
  "Handling errors, the table of error codes": {
    replies: [400, 401, 403, 404, 409, 422, 429, 500]
      .map((status) => ({ status, error: `It is ${status}.` })),
    records: Array.from({ length: 9 }, () => ["failed", "Hi", ""]),
    run: async ({ OpenAI }) => {
      const client = new OpenAI({ maxRetries: 0 });
      const seen: unknown[] = [];
      const messages = [{ role: "user" as const, content: "Hi" }];
      for (let n = 0; n < 8; n++) {
        const asked = client.chat.completions.create({ model: "gpt-5.5", messages });
        await asked.catch((err) => seen.push(err));
      }
      const unreachable = client.withOptions({
        fetch: () =>
          Promise.reject(new TypeError("fetch failed", { cause: new Error("no route") })),
      });
      const asked = unreachable.chat.completions.create({ model: "gpt-5.5", messages });
      await asked.catch((err) => seen.push(err));
      return seen;
    },
  },
  "Handling errors, Retries": {
    replies: [
      { status: 500 },
      again(500),
      again(409),
      again(429),
      again(408),
      again(503),
      { text: "By getDay()." },
    ],
    records: [
      ...Array.from({ length: 6 }, () => ["failed", "What day?", ""] as const),
      ["completed", "What day?", "By getDay()."],
    ],
    run: async ({ OpenAI }) => {
      const client = new OpenAI({ maxRetries: 0 });
      const messages = [{ role: "user" as const, content: "What day?" }];
      const asked = { messages, model: "gpt-5.5" };
      return [
        await client.chat.completions.create(asked).catch((err) => err),
        await client.chat.completions.create(asked, { maxRetries: 5 }),
      ];
    },
  },
  "Handling errors, Timeouts": {
    replies: say("With ls."),
    records: [["completed", "List?", "With ls."], ["aborted", "List?", ""]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI({ timeout: 20 * 1000 });
      const asked = { messages: [{ role: "user" as const, content: "List?" }], model: "gpt-5.5" };
      const answer = await client.chat.completions.create(asked, { timeout: 5 * 1000 });
      const error = await client.withOptions({ fetch: deafFetch }).chat.completions
        .create(asked, { timeout: 1, maxRetries: 0 }).catch((err) => err);
      return [answer, error instanceof OpenAI.APIConnectionTimeoutError, error];
    },
  },
  "Request IDs": {
    replies: [{ text: "1" }, { text: ["2", "3"] }],
    records: [["completed", "testing 123", "1"], ["completed", "Say this is a test", "23"]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const response = await client.responses.create({ model: "gpt-5.5", input: "testing 123" });
      const { data: stream, request_id, response: raw } = await client.responses
        .create({ model: "gpt-5.5", input: "Say this is a test", stream: true })
        .withResponse();
      return [response._request_id, request_id, raw, stream, await all(stream)];
    },
  },
};

const others: Examples = {
  "Auto-pagination": {
    replies: [
      { json: { object: "list", data: [{ id: "job-1" }, { id: "job-2" }], has_more: true } },
      { json: { object: "list", data: [{ id: "job-3" }], has_more: false } },
      { json: { object: "list", data: [{ id: "job-1" }], has_more: true } },
      { json: { object: "list", data: [{ id: "job-2" }], has_more: false } },
    ],
    records: [],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const seen: unknown[] = [];
      for await (const fineTuningJob of client.fineTuning.jobs.list({ limit: 20 })) {
        seen.push(fineTuningJob);
      }
      let page = await client.fineTuning.jobs.list({ limit: 20 });
      seen.push(page.data);
      while (page.hasNextPage()) {
        page = await page.getNextPage();
        seen.push(page.constructor.name, page.data);
      }
      return seen;
    },
  },
  "Microsoft Azure OpenAI": {
    replies: say("Hello!"),
    records: [["completed", "Say hello!", "Hello!"]],
    run: async ({ AzureOpenAI }) => {
      const openai = new AzureOpenAI({
        azureADTokenProvider: () => Promise.resolve(API_KEY),
        apiVersion: "2024-10-01-preview",
      });
      const result = await openai.chat.completions.create({
        model: "gpt-5.5",
        messages: [{ role: "user", content: "Say hello!" }],
      });
      return [result.choices[0]!.message?.content, result];
    },
  },
  "Amazon Bedrock, by an API key": {
    replies: say("Hello!"),
    records: [["completed", "Say hello!", "Hello!"]],
    run: async ({ BareOpenAI, url }) => {
      const client = new BareOpenAI({
        provider: bedrock({
          region: "us-west-2",
          apiKey: API_KEY,
          baseURL: `${url}/openai/v1`,
        }),
      });
      const response = await client.responses.create({
        model: "openai.gpt-5.4",
        input: "Say hello!",
      });
      return [response.output_text, response];
    },
  },
  "Accessing raw Response data (e.g., headers)": {
    replies: [{ text: "1", headers: { "X-My-Header": "mine" } }, { text: "2" }, { text: "3" }],
    records: ["1", "2", "3"].map((text) => ["completed", "say this is a test.", text] as const),
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const asked = { model: "gpt-5.5", input: "say this is a test." };
      const httpResponse = await client.responses.create(asked).asResponse();
      const { data: modelResponse, response: raw } = await client.responses.create(asked)
        .withResponse();
      const bytes = await client.responses.create(asked).asResponse();
      return [
        httpResponse.headers.get("X-My-Header"),
        httpResponse.statusText,
        httpResponse,
        await httpResponse.clone().text(),
        await httpResponse.json(),
        httpResponse.bodyUsed,
        raw.headers.get("X-My-Header"),
        raw,
        modelResponse,
        await new Blob(await all(bytes.body!) as BlobPart[]).text(),
      ];
    },
  },
  "Logging, Custom logger": {
    replies: [again(500), { text: "Hello!" }],
    records: [["failed", "Hi", ""], ["completed", "Hi", "Hello!"]],
    run: async ({ OpenAI }) => {
      const lines: string[] = [];
      const write = (level: string) => (text: string, ...others: unknown[]) => {
        const changing = /log_\w+|in \d+ms/g;
        lines.push(
          `${level} ${text.replace(changing, "...")} ${others.map((each) => typeof each)}`,
        );
      };
      const logger = {
        debug: write("debug"),
        info: write("info"),
        warn: write("warn"),
        error: write("error"),
      };
      const client = new OpenAI({ logger, logLevel: "debug" });
      await client.responses.create({ model: "gpt-5.5", input: "Hi" });
      return lines;
    },
  },
  "Making custom/undocumented requests": {
    replies: [{ json: { some: "thing" } }, { text: "Hello!" }],
    records: [["completed", "Hi", "Hello!"]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      return [
        await client.post("/some/path", {
          body: { some_prop: "foo" },
          query: { some_query_arg: "bar" },
        }),
        await client.chat.completions.create({
          model: "gpt-5.5",
          messages: [{ role: "user", content: "Hi" }],
          // @ts-expect-error baz is not yet public
          baz: "undocumented option",
        }, { query: { extra: "1" }, headers: { "x-extra": "2" } }),
      ];
    },
  },
  "Customizing the fetch client, by the global": {
    replies: say("Hello!"),
    records: [["completed", "Hi", "Hello!"]],
    run: async ({ OpenAI }) => {
      const own = globalThis.fetch;
      const { fetch, told } = toldTo(own);
      globalThis.fetch = fetch;
      try {
        const client = new OpenAI();
        return [await client.responses.create({ model: "gpt-5.5", input: "Hi" }), told];
      } finally {
        globalThis.fetch = own;
      }
    },
  },
  "Customizing the fetch client, Fetch options and Configuring proxies": {
    replies: [{ text: "Hello!" }, { text: ["Hello", "!"] }],
    records: [["completed", "Hi", "Hello!"], ["completed", "Hi", "Hello!"]],
    run: async ({ OpenAI }) => {
      const { fetch, told } = toldTo(globalThis.fetch);
      // What a runtime has of its own goes through as it is.
      const fetchOptions = { redirect: "manual", priority: "low" } as const;
      const client = new OpenAI({ fetch, fetchOptions });
      const asked = { model: "gpt-5.5", input: "Hi" };
      const stream = await client.responses.create({ ...asked, stream: true }, {
        fetchOptions: { redirect: "follow" },
      });
      return [await all(stream), await client.responses.create(asked), told];
    },
  },
};

for (const examples of [usage, errors, others]) {
  sideBySide("README of openai", parts, examples);
}
