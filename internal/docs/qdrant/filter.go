package qdrant

import "doorward/internal/docs"

// condition is one of a filter: a field that has a value, one of several or is in a range,
// or a filter of its own.
type condition struct {
	Key    string      `json:"key,omitempty"`
	Match  *match      `json:"match,omitempty"`
	Range  *span       `json:"range,omitempty"`
	Should []condition `json:"should,omitempty"`
}

type match struct {
	Value any      `json:"value,omitempty"`
	Any   []string `json:"any,omitempty"`
}

type span struct {
	LT  *int64 `json:"lt,omitempty"`
	GTE *int64 `json:"gte,omitempty"`
}

type filter struct {
	Must   []condition `json:"must,omitempty"`
	Should []condition `json:"should,omitempty"`
}

func is(key string, value any) condition { return condition{Key: key, Match: &match{Value: value}} }

func among(key string, values []string) condition {
	return condition{Key: key, Match: &match{Any: values}}
}

// readable is the filter of points of a kind that may be read with the roles.
func readable(kind string, roles []string) filter {
	may := is("open", true)
	if held := docs.Held(roles); len(held) > 0 {
		may = condition{Should: []condition{may, among("roles", held)}}
	}
	return filter{Must: []condition{is("kind", kind), may}}
}
