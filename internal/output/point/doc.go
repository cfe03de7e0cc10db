// Package point is the shape of a counter metric on its way from the core to a sink. Pure: types only, so that the core
// need not import what writes them.
//
// Not here: which points there are (internal/core/report; internal/audit: points.go); line protocol
// (internal/output/encode).
//
// Owner: whoever holds the value. A sink copies what it needs before AddPoint returns.
package point
