package main

// edit is an honest change of a definition between two versions.
type edit struct {
	name string
	make func(h host, tool object)
}

var edits = []edit{
	{"sentence added", func(h host, t object) {
		t["description"] = h.description + " Results are sorted by relevance."
	}},
	{"typing error mended", func(h host, t object) { t["description"] = h.description[:len(h.description)-1] + "!" }},
	{"optional parameter added", func(_ host, t object) {
		properties, _ := inputOf(t)["properties"].(object)
		properties["limit"] = object{"type": "integer", "description": "How many results at most", "minimum": 1}
	}},
	{"title added", func(h host, t object) { t["title"] = h.name }},
	{"description of a parameter longer", func(h host, t object) { h.parameterOf(t)["description"] = h.about + ", at most 200 characters" }},
	{"example added", func(h host, t object) { h.parameterOf(t)["examples"] = []any{"example"} }},
	{"bound added", func(h host, t object) { h.parameterOf(t)["maxLength"] = 200 }},
	{"read-only annotation", func(_ host, t object) { t["annotations"] = object{"readOnlyHint": true} }},
	{"output described", func(_ host, t object) {
		t["outputSchema"] = object{"type": "object", "properties": object{"items": object{"type": "array"}}}
	}},
	{"closed schema", func(_ host, t object) { inputOf(t)["additionalProperties"] = false }},
}

// changeCases are honest tools that turn: a payload or a greedy parameter
// arrives at one of the positions; and honest tools that are maintained.
func changeCases(corpus string) []Case {
	var cases []Case
	for n := range 200 {
		h := hosts[n%len(hosts)]
		tool := h.tool()
		place := positions[(n*5)%len(positions)]
		place.put(h, tool, payloads[(n*3)%len(payloads)])
		c := generated(corpus, "rug_pull", malicious, n)
		c.Surface, c.Technique, c.Prev, c.Tool = onRugpull, place.name, raw(h.tool()), raw(tool)
		cases = append(cases, c)
	}
	for n := range len(hosts) * len(edits) {
		h, e := hosts[n%len(hosts)], edits[n/len(hosts)]
		tool := h.tool()
		e.make(h, tool)
		c := generated(corpus, "rug_pull", benign, n)
		c.Surface, c.Technique, c.Prev, c.Tool = onRugpull, e.name, raw(h.tool()), raw(tool)
		cases = append(cases, c)
	}
	return cases
}
