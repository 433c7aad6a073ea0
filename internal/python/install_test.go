package python_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/python"
)

// laid is a package as pip lays it down.
type laid struct {
	version, entry string
	more           map[string]string // files that its RECORD does not list
	change         map[string]string // files that are another than its RECORD lists
	sums           map[string]string // of its wheel, as pip reports them
	url            string
}

func good() laid {
	sum := sha256.Sum256([]byte("wheel"))
	return laid{version: "1.2.3", entry: "[console_scripts]\nserver = server.main:App.run [extra]\n", sums: map[string]string{"sha256": hex.EncodeToString(sum[:])}, url: "https://files.example.com/server-1.2.3-py3-none-any.whl"}
}

func (l laid) put(t *testing.T, dir string) {
	t.Helper()
	site, info := filepath.Join(dir, "site-packages"), "server-"+l.version+".dist-info/"
	files := map[string]string{
		"server/__init__.py": "", "server/main.py": "x = 1\n", "start.pth": "import os\n", "../../bin/server": "#!\n",
		info + "METADATA": "Metadata-Version: 2.1\nName: Server\nVersion: " + l.version + "\n\nVersion: 9\n", info + "entry_points.txt": l.entry,
	}
	record := info + "RECORD,,\n"
	write := func(at, text string) {
		at = filepath.Join(site, filepath.FromSlash(strings.TrimPrefix(at, "../../")))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for at, text := range files {
		sum := sha256.Sum256([]byte(text))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", at, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
		write(at, text)
	}
	write(info+"RECORD", record)
	for at, text := range l.more {
		write(at, text)
	}
	for at, text := range l.change {
		write(at, text)
	}
	report, err := json.Marshal(map[string]any{"install": []any{map[string]any{
		"download_info": map[string]any{"url": l.url, "archive_info": map[string]any{"hashes": l.sums}}, "metadata": map[string]any{"name": "Server", "version": l.version},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), report, 0o600); err != nil {
		t.Fatal(err)
	}
}

// installs installs server==1.2.3 by something that lays a package down in place of pip.
func installs(t *testing.T, dir string, l laid, told *[]string) (python.Installed, error) {
	t.Helper()
	return python.Install(t.Context(), python.Order{
		Package: python.Package{Requirement: python.Requirement{Name: "server", Version: "1.2.3"}}, Dir: dir, Index: "https://index.example.com/simple/", Python: "/usr/bin/python3",
		Run: func(_ context.Context, at string, args []string) error {
			if args[2] != "pip" {
				return nil
			}
			for _, want := range []string{"--isolated", "--only-binary", "https://index.example.com/simple/"} {
				if !slices.Contains(args, want) {
					t.Errorf("pip is not told %s: %q", want, args)
				}
			}
			*told = append(*told, args[len(args)-1])
			l.put(t, at)
			return nil
		},
	})
}

// room is a directory for packages, without links.
func room(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "packages", "files")
}

func TestSUP09_WhatIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*laid)
		want   string
	}{
		"another version":        {func(l *laid) { l.version = "1.2.4" }, "its version is written 1.2.4"},
		"no digest":              {func(l *laid) { l.sums = nil }, "nothing says by a SHA-256"},
		"MD5":                    {func(l *laid) { l.sums = map[string]string{"md5": "d41d8cd98f00b204e9800998ecf8427e"} }, "nothing says by a SHA-256"},
		"no wheel":               {func(l *laid) { l.url = "https://files.example.com/server-1.2.3.tar.gz" }, "no wheel of the index"},
		"a file more":            {func(l *laid) { l.more = map[string]string{"sitecustomize.py": ""} }, "sitecustomize.py are not in it"},
		"a file that is another": {func(l *laid) { l.change = map[string]string{"server/main.py": "x = 2\n"} }, "server/main.py are not as it says"},
		"compiled, of nothing":   {func(l *laid) { l.more = map[string]string{"server/__pycache__/y.cpython-311.pyc": ""} }, "y.cpython-311.pyc are not in it"},
		"no program":             {func(l *laid) { l.entry = "[gui_scripts]\nserver = server:main\n" }, "has no program server"},
		"two programs":           {func(l *laid) { l.entry = "[console_scripts]\na = server:main\nb = server:main\n" }, "name one of a, b"},
		"a program of words":     {func(l *laid) { l.entry = "[console_scripts]\nserver = os:system('id')\n" }, "has no program server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, l, told := room(t), good(), []string{}
			tc.change(&l)
			_, err := installs(t, dir, l, &told)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

// The second time pip is told the digests of the first.
func TestSUP09_WhatIsInstalled(t *testing.T) {
	t.Parallel()
	dir, l, told := room(t), good(), []string{}
	l.more = map[string]string{"server/__pycache__/main.cpython-311.pyc": "compiled"}
	for range 2 {
		is, err := installs(t, dir, l, &told)
		if err != nil || is.Packages != 1 || is.Integrity != "sha256:"+l.sums["sha256"] || !slices.Equal(is.Unrun, []string{"start.pth"}) {
			t.Fatalf("%+v, %v", is, err)
		}
		if got := is.Command([]string{"-x"}); !slices.Equal(got, []string{"/usr/bin/python3", "-I", "-S", "-B", filepath.Join(dir, "run.py"), "-x"}) {
			t.Errorf("it is run by %q", got)
		}
	}
	if len(told) != 2 || told[0] != "server==1.2.3" || filepath.Base(told[1]) != "wanted.txt" {
		t.Errorf("pip was told %q", told)
	}
	text, err := os.ReadFile(filepath.Join(dir, "run.py"))
	if err != nil || !strings.Contains(string(text), "from server.main import App\n") || !strings.Contains(string(text), "sys.exit(App.run())") {
		t.Errorf("it runs %s, %v", text, err)
	}
	if _, err := python.At(dir, python.Package{Requirement: python.Requirement{Name: "server", Version: "1.2.4"}}); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("another version: %v", err)
	}
	if _, err := python.At(dir+"-none", python.Package{}); err == nil || !strings.Contains(err.Error(), "nothing is installed") {
		t.Errorf("nothing: %v", err)
	}
}
