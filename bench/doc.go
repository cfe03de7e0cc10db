// Command bench measures the project against what people would use instead, and against its goals. It prints what it
// measured, and ends with one line per figure: figure NAME VALUE GOAL. It fails when contenders disagree on what they
// received, never because a goal is missed.
//
// It is a module of its own, so that the libraries it compares with stay out of ours. docs/performance.md has the
// figures and how they are measured.
//
// Owner: the parts run one after the other; each owns its servers, children and temporary files, and ends them.
package main
