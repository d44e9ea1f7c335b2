// How blocks of code wrap: an option that fits a line is not split at its hyphens, and a drawn table does not wrap.
import { definePlugin, ExpressiveCodeAnnotation } from "@astrojs/starlight/expressive-code";
import { h } from "@astrojs/starlight/expressive-code/hast";

class WholeWord extends ExpressiveCodeAnnotation {
  render({ nodesToTransform }) {
    return nodesToTransform.map((node) => h("span.whole", node));
  }
}

export const wholeWords = () =>
  definePlugin({
    name: "whole-words",
    baseStyles: ".whole { display: inline-block; text-indent: 0 }",
    hooks: {
      preprocessMetadata: ({ codeBlock }) => {
        if (codeBlock.code.includes("│")) codeBlock.props.wrap = false;
      },
      annotateCode: ({ codeBlock }) => {
        for (const line of codeBlock.getLines()) {
          for (const { index, 0: option } of line.text.matchAll(/(?<![^\s"'(])--?[\w-]*/g)) {
            const inlineRange = { columnStart: index, columnEnd: index + option.length };
            line.addAnnotation(new WholeWord({ inlineRange, renderPhase: "latest" }));
          }
        }
      },
    },
  });
