package resolve

import "testing"

func TestJoinAndSplit(t *testing.T) {
	for _, tc := range []struct {
		upstream, name, flat string
		ok                   bool
	}{
		{"files", "read", "files__read", true},
		{"files", "a__b", "files__a__b", true},
		{"files", "_x", "files___x", true},
		{"a", "_x", "a___x", true},
		{"a_", "x", "a___x", false}, // would be read as a and _x
		{"a__b", "c", "a__b__c", false},
		{"", "x", "__x", false},
		{"a", "", "a__", false},
	} {
		flat, ok := Join(tc.upstream, tc.name)
		if flat != tc.flat || ok != tc.ok {
			t.Errorf("Join(%q, %q) = %q, %v", tc.upstream, tc.name, flat, ok)
		}
		if u, n, _ := Split(flat); ok && (u != tc.upstream || n != tc.name) {
			t.Errorf("Split(%q) = %q, %q", flat, u, n)
		}
	}
}

// FuzzJoin: a flat name that may be shown leads back to what it stands for.
func FuzzJoin(f *testing.F) {
	f.Add("a", "_b__c")
	f.Fuzz(func(t *testing.T, upstream, name string) {
		flat, ok := Join(upstream, name)
		if !ok {
			return
		}
		if u, n, ok := Split(flat); !ok || u != upstream || n != name {
			t.Errorf("%q leads to %q, %q", flat, u, n)
		}
	})
}

func TestHostileTemplates(t *testing.T) {
	var ts templates
	for _, bad := range []string{"{", "{}", "docs://{a", "docs://{a}{b", "{a" + string(rune(0)) + "}", "docs://" + string(make([]byte, 4096))} {
		if ts.fits(bad, "docs://x") {
			t.Errorf("%q fits", bad)
		}
	}
	many := ""
	for range 40 {
		many += "{a}"
	}
	if ts.fits(many, "x") {
		t.Error("a template of 40 variables is matched")
	}
	for _, tc := range []struct {
		template, uri string
		fits          bool
	}{
		{"file:///{name}", "file:///a.txt", true},
		{"file:///{name}", "file:///a/b", false},
		{"file:///{+path}", "file:///a/b", true},
		{"file:///{name}.(txt)", "file:///a.xtxt", false},
		{"docs://{id}{?q,page}", "docs://1?q=2&page=3", true},
		{"docs://static", "docs://static", true},
		{"docs://static", "docs://staticx", false},
	} {
		if got := ts.fits(tc.template, tc.uri); got != tc.fits {
			t.Errorf("%s on %s: %v", tc.template, tc.uri, got)
		}
	}
}
