// Evaluates JSONata for the tests: a request a line on stdin, its answer a line on stdout.
// Request {"expression", "bindings"}; answer {"value"}, {"undefined": true} or {"error", "code"}.
"use strict";

const jsonata = require("jsonata");
const lines = require("readline").createInterface({ input: process.stdin });

// What Step Functions adds to JSONata. It has no $eval, but moto's interpreter makes $parse of it.
// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
function asStepFunctionsHasIt(expression) {
  expression.registerFunction("parse", (text) => JSON.parse(text), "<s:x>");
  expression.registerFunction("random", () => 0.5, "<n?:n>");
  return expression;
}

async function answer(request) {
  try {
    const expression = asStepFunctionsHasIt(jsonata(request.expression));
    const value = await expression.evaluate(undefined, request.bindings);
    return value === undefined ? { undefined: true } : { value };
  } catch (error) {
    return { error: String(error.message), code: error.code || "" };
  }
}

(async () => {
  for await (const line of lines) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  }
})();
