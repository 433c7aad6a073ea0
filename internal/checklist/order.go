package checklist

import (
	"iter"
	"maps"
	"slices"
)

// sorted are the names in a map, in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// ordered are the members of a map, in the order of their names.
func ordered[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range sorted(m) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}
