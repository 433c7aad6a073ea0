package main

import (
	"encoding/json"
	"reflect"
)

// rebuilds says whether a change is of more than titles and descriptions. It is told
// apart here by itself and not by what is measured: such a change is to be read,
// whoever made it, and one that is not is to pass quickly if it is honest.
func rebuilds(c *Case) bool {
	var before, after any
	if json.Unmarshal(c.Prev, &before) != nil || json.Unmarshal(c.Tool, &after) != nil {
		return true
	}
	return !reflect.DeepEqual(unworded(before, false), unworded(after, false))
}

// unworded is a value without its titles and descriptions. Below "properties" these
// are names of parameters.
func unworded(v any, names bool) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, below := range v {
			_, text := below.(string)
			if names || !text || k != "title" && k != "description" {
				out[k] = unworded(below, k == "properties" && !names)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, below := range v {
			out = append(out, unworded(below, false))
		}
		return out
	}
	return v
}
