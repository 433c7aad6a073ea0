package pinecone

import "doorward/internal/docs"

// filter is a condition on metadata. What comes from outside is a value in it, never a name
// or an operator.
type filter map[string]any

func is(key string, value any) filter { return filter{key: filter{"$eq": value}} }

func among(key string, values []string) filter { return filter{key: filter{"$in": values}} }

func all(of ...filter) filter { return filter{"$and": of} }

// readable is the filter of what may be read with the roles.
func readable(roles []string) filter {
	open := is("open", true)
	if held := docs.Held(roles); len(held) > 0 {
		return filter{"$or": []filter{open, among("roles", held)}}
	}
	return open
}
