package main

import (
	"encoding/json"
	"fmt"

	"doorward/internal/gate"
)

// house knows what stands beside a tool: its peers where the case has them, or
// the honest tools of its server in the same source.
type house struct {
	items     map[string][]gate.Item // by corpus and server
	published map[string]bool        // has tools that somebody published: not a twin, not one chosen for alarms
	near      surroundings
}

func address(c *Case) string { return c.Corpus + "\x00" + c.Server }

// shares says whether c stands beside the others of its server. Attacks stand
// alone: their corpora put many under one name.
func shares(c *Case) bool {
	return c.Surface == onTool && c.Label == benign && len(c.Peers) == 0 && c.Server != ""
}

func newHouse(cases []Case) *house {
	h := &house{items: map[string][]gate.Item{}, published: map[string]bool{}}
	for i := range cases {
		if c := &cases[i]; shares(c) {
			h.items[address(c)] = append(h.items[address(c)], item(c.Server, c.Tool))
			h.published[address(c)] = c.Class == benign
		}
	}
	return h
}

// item is a tool as the gateway holds it.
func item(server string, tool json.RawMessage) gate.Item {
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(tool, &named); err != nil {
		named.Name = fmt.Sprintf("unnamed (%v)", err)
	}
	if server == "" {
		server = "upstream"
	}
	return gate.Item{Kind: gate.Tool, Upstream: server, Name: named.Name, Shown: named.Name, Raw: tool}
}
