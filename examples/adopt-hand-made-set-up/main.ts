import { App } from "cdktf";
import { AdoptedLakeStack } from "./adopted-lake-stack";
import { handMade } from "./hand-made";

const app = new App();
new AdoptedLakeStack(app, "adopted-lake", handMade);
app.synth();
