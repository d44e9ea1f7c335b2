import { App } from "cdktf";
import { RegistrySchemaStack, RegistryStack } from "./registry-stacks";

const app = new App();
const registry = new RegistryStack(app, "slide-registry");
new RegistrySchemaStack(app, "slide-registry-schema", registry);
app.synth();
