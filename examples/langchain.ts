/**
 * Records what LangChain's models are asked and answer within a chain, in a SQLite log.
 *
 * ```sh
 * npm install @langchain/core @langchain/openai
 * OPENAI_API_KEY=... node langchain.mts audit.db
 * ```
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI } from "@langchain/openai";
import process from "node:process";

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });

const chain = ChatPromptTemplate.fromTemplate("What is the capital of {country}?")
  .pipe(new ChatOpenAI({ model: "gpt-4o" }))
  .pipe(new StringOutputParser());
const callbacks = [auditCallbacks(log, { user: "alice" })];
console.log(await chain.invoke({ country: "France" }, { callbacks }));

for (const { inputText, outputText, metadata } of await log.query()) {
  console.log(inputText, outputText, metadata["langchain.parent_run_id"]);
}
await log.close();
