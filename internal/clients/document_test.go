package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// seeds are the fixtures, and files that are hard to edit.
func seeds(f *testing.F, ext string, more ...string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*"+ext))
	if err != nil || len(files) == 0 {
		f.Fatal("no files", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

// checkChange holds the promises of an edit: a file that nothing is done to is
// not touched; what is put is there and nothing else is different; and taking it
// out again gives a file that means what it did.
func checkChange(t *testing.T, f format, root []string, data []byte) {
	t.Helper()
	kept := bytes.Clone(data)
	before, err := decode(f, data)
	if err != nil {
		return
	}
	if doc, err := open(f, data); err != nil || len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte(bom)))) > 0 && !bytes.Equal(doc.encode(), data) {
		t.Fatalf("what was not edited is different: %v", err)
	}
	put := edit{root: root, put: []field{{"command", `/a "b"\c`}, {"args", []string{"stdio", "é\x7f"}}, {"env", []field{{"A b", "x"}}}}, input: []field{{"id", keyInput}}}
	if f == formatTOML {
		put.input = nil
	}
	out, err := change(f, data, put)
	if !bytes.Equal(kept, data) {
		t.Fatal("the input was written to")
	}
	if err != nil {
		return
	}
	after, err := decode(f, out)
	if err != nil || !reflect.DeepEqual(at(after, root)[Name], any(plainly(put.put))) {
		t.Fatalf("the entry is not there: %v\n%s", err, out)
	}
	again, err := change(f, out, put)
	if err != nil || !bytes.Equal(again, out) {
		t.Fatalf("the second time it is different: %v\n%s\n%s", err, out, again)
	}
	if at(before, root)[Name] != nil || hasPrompt(before, root) {
		return
	}
	back, err := change(f, out, edit{root: root})
	if err != nil {
		t.Fatalf("it cannot be taken out: %v\n%s", err, out)
	}
	tree, err := decode(f, back)
	if err != nil || !reflect.DeepEqual(prune(tree, root), prune(before, root)) {
		t.Fatalf("taken out, it leaves %v\n%s", err, back)
	}
}

func hasPrompt(tree map[string]any, root []string) bool {
	return at(tree, root[:len(root)-1])["inputs"] != nil
}

func FuzzChangeJSON(f *testing.F) {
	seeds(f, ".json", "", "null", "{}", "{ }", "{/*c*/}", "{//c\n}", "{\"a\":1}", "{\"a\":1,}", "{\"a\":1 // c\n}", "{\"a\":1, // c\n}", "{\n\t\"servers\":{}\n}",
		`{"servers":{"a":{}}}`, `{"servers":{"a":{},"a":{}}}`, `{"servers":{},"servers":{"b":1}}`, `{"servers":null}`, `{"servers":[]}`, `{"inputs":[]}`, `{"inputs":[1 /*x*/ , 2,]}`,
		`{"inputs":{}}`, "\xef\xbb\xbf{}", "{}\r\n", "// c\n{ \"servers\" : { /*a*/ \"x\" /*b*/ : /*c*/ 1 /*d*/ , /*e*/ } /*f*/ } // g", `{"servers":{"doorward":{"command":"x"},"b":1}}`, `{"\u0073ervers":{"doorw\u0061rd":1}}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		checkChange(t, formatJSON, []string{"servers"}, data)
		checkChange(t, formatJSON, []string{"mcp", "servers"}, data)
	})
}

func FuzzChangeTOML(f *testing.F) {
	seeds(f, ".toml", "", "a = 1", "[a]\n", "[mcp_servers]\n", "[mcp_servers]\nx = {command = 'a'}\n", "mcp_servers.x.command = 'a'\n", "mcp_servers = {}\n", "[mcp_servers.doorward]\ncommand='x'\n[mcp_servers.doorward.env]\nA='b'\n\n[b]\n",
		"[[mcp_servers]]\n", "[[mcp_servers.x]]\na=1\n", "a = '''\n[mcp_servers.doorward]\n'''\n", "\xef\xbb\xbfa=1\r\n", "[mcp_servers.\"doorward\"]\n", "[ mcp_servers . 'doorward' ] # c\nargs = [\n1,\n2]\n", "mcp_servers.doorward.command = 'a'\nx=1\n", "a = 2026-01-01\n", "a = nan\n", "a = inf")
	f.Fuzz(func(t *testing.T, data []byte) {
		checkChange(t, formatTOML, []string{"mcp_servers"}, data)
	})
}

// Whatever a file holds, reading it gives servers or an error, and neither holds
// the value of a variable or a header.
func FuzzEntries(f *testing.F) {
	seeds(f, ".json", `{"mcpServers":{"a":{"command":"x","env":{"A":"CANARY"}},"b":{"url":"https://x/","headers":{"Authorization":"Bearer CANARY"}}}}`)
	c := Table()[1]
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := decode(formatJSON, data)
		if err != nil {
			return
		}
		all, err := entries(tree, &c, Place{Path: "x", Root: []string{"mcpServers"}})
		if err != nil {
			return
		}
		im := collect([][]entry{all}, nil)
		if len(im.Servers) != len(all) {
			t.Fatalf("%d servers of %d entries", len(im.Servers), len(all))
		}
		for _, s := range im.Servers {
			if (s.LeftOut == "") != (s.Name != "") {
				t.Fatalf("neither taken over nor left out: %+v", s)
			}
		}
		for _, e := range all {
			for _, v := range append(e.env, e.headers...) {
				if v.variable != "" && strings.Trim(v.variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
					t.Fatalf("a variable's name holds %q", v.variable)
				}
			}
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"installs":[{"root":["mcpServers"],"written":"x","backups":["x.json.doorward-backup-2"],"removed":["a"]}]}`))
	f.Add([]byte(`{"version":1,"installs":[{"backups":["../x.json.doorward-backup"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path+recordSuffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := readRecord(path)
		if err != nil {
			return
		}
		for _, in := range rec.Installs {
			for _, b := range in.Backups {
				if filepath.Dir(filepath.Join(filepath.Dir(path), b)) != filepath.Dir(path) || !strings.HasPrefix(b, "x.json"+backupSuffix) {
					t.Fatalf("a backup is at %q", b)
				}
			}
		}
	})
}
