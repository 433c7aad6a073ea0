package mcp_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// asDefined tells whether a definition of the name is taken, asCalled whether a
// request for it is, below its upstream's name.
func asDefined(kind gate.ItemKind, name string) bool {
	key := map[gate.ItemKind]string{gate.Tool: "name", gate.Prompt: "name", gate.Resource: "uri", gate.Template: "uriTemplate"}[kind]
	_, err := mcp.NameOf(kind, []byte(`{"`+key+`":`+quoted(name)+`}`))
	return err == nil
}

func asCalled(t *testing.T, method, name string) bool {
	t.Helper()
	r, ok := mcp.Lookup(method)
	if !ok {
		t.Fatalf("no method %s", method)
	}
	m, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"name":` + quoted(name) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = mcp.Name(r, m)
	return err == nil
}

func TestLookAlikeNames(t *testing.T) {
	for name, want := range map[string]bool{
		"read_file":      true,
		"read file":      true,
		"Read.file-2":    true,
		"a__b":           true,
		"прочитать_файл": true,
		"прочитать-2.х":  true,
		"διάβασε":        true,
		"читать\u0301":   true,
		"ファイルを読む":        true,
		"々ー読む":           true,
		"JSONを読む_2":      true,
		"파일_읽기_漢字_json":  true,
		"读取file":         true,
		"lire_été":       true,
		"שלום":           true,
		"①_list":         true,
		"l1st":           true, // as ASCII look-alikes do

		" list":            false,
		"list ":            false,
		" ":                false,
		"list\u00a0":       false,
		"\u3000list":       false,
		"rеad":             false, // Cyrillic е
		"reаd_file":        false,
		"ѕend":             false,
		"rεad":             false,
		"сοру":             false, // Greek ο in Cyrillic
		"հead":             false, // Armenian
		"Ꭱead":             false, // Cherokee
		"re\U0001d6c2d":    false, // a mathematical alpha
		"読むа":              false,
		"ひらがな한글":           false,
		"ⲟpen":             false, // Coptic
		"list__сору":       false,
		"сору__list":       false,
		"\u0441opy_\u0444": false,
	} {
		for kind, method := range map[gate.ItemKind]string{gate.Tool: "tools/call", gate.Prompt: "prompts/get"} {
			if got := asDefined(kind, name); got != want {
				t.Errorf("%v %q as defined: %v", kind, name, got)
			}
			if got := asCalled(t, method, "up-1__"+name); got != want && !strings.Contains(name, "__") {
				t.Errorf("%v %q as called: %v", kind, name, got)
			}
			if got := asCalled(t, method, name); got && !want && name != "list__сору" {
				t.Errorf("%v %q as called by its own name: %v", kind, name, got)
			}
		}
		if !strings.ContainsAny(name, "\u00a0\u3000") && !asDefined(gate.Resource, "mem://x/"+name+"/y") {
			t.Errorf("the URI with %q is refused", name)
		}
	}
}

// Property: a name that is taken has no white space at its ends, and no letter
// of Latin beside one of Cyrillic or Greek.
func FuzzNameOf(f *testing.F) {
	f.Add("read")
	f.Add("rеad")
	f.Add("読む ")
	f.Fuzz(func(t *testing.T, name string) {
		if !asDefined(gate.Tool, name) {
			return
		}
		if strings.TrimSpace(name) != name {
			t.Fatalf("%q ends or begins with white space", name)
		}
		if strings.ContainsAny(name, "abcdefghijklmnopqrstuvwxyz") && strings.ContainsAny(name, "асеорхіѕοαν") {
			t.Fatalf("%q mixes scripts", name)
		}
	})
}
