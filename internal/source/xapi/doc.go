// Package xapi is what X itself says of its enterprise streams: base URLs, parameters, limits, periods, and the words of
// its messages, each with the page that says so. Page names: "Decahose" is the Decahose API page of X's enterprise
// documentation, "Replay" the Replay API reference, "Connecting", "Disconnections explained", "Rate limits" and "Consuming
// streaming data" are its guides.
//
// Not here: what we make of it: delays (internal/core/retry), gaps and requests (internal/core/refill), classes of a
// connection's end that X does not name (internal/source/stream).
// Owner: nobody: constants and pure functions.
// Invariants: none.
package xapi
