// The data lake of the environment `local`, as the compiled app writes it, and the job that erases beside its others.
const path = require("node:path");
const { App } = require("cdktf");

const stacks = path.join(process.cwd(), "dist", "stacks");
const { DataLakeStack } = require(path.join(stacks, "data-lake-stack.js"));
const { environments } = require(path.join(stacks, "environments.js"));

const app = new App();
const local = environments({}).find(({ name }) => name === "local");
new DataLakeStack(app, { ...local, erase: {} });
app.synth();
