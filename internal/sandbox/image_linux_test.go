package sandbox_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"doorward/internal/sandbox"
)

// swaps is how often TestSBX28_SwapsNeverWin tries; DOORWARD_SWAPS is the long form.
func swaps(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("DOORWARD_SWAPS"))
	if err != nil {
		return 150
	}
	return n
}

// copied is a program of the system under another name.
func copied(t *testing.T, from, to string) sandbox.File {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := sandbox.Look(to)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever a name leads to between the look at a program and its start, the program that was
// looked at runs, or none: by links, and by files that take its place.
func TestSBX28_SwapsNeverWin(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good := copied(t, "/bin/true", at("good"))
	copied(t, "/bin/false", at("evil"))
	kinds := map[string]func(target string) error{
		"link": func(target string) error {
			_ = os.Remove(at("next"))
			return os.Symlink(target, at("next"))
		},
		"file": func(target string) error {
			_ = os.Remove(at("next"))
			return os.Link(target, at("next"))
		},
	}
	for kind, place := range kinds {
		t.Run(kind, func(t *testing.T) {
			name := at("program-" + kind)
			swappedOnce(t, name, place, at)
			var swapping sync.WaitGroup
			stop := make(chan struct{})
			swapping.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					if place(at([...]string{"good", "evil"}[i%2])) == nil {
						_ = os.Rename(at("next"), name)
					}
				}
			})
			ran := 0
			for range swaps(t) {
				want := good
				want.Path = name
				if now, err := sandbox.Look(at("good")); err == nil {
					want.Changed = now.Changed // links to it change its ctime
				}
				image, err := sandbox.OpenImage(name, []string{"x"}, []sandbox.File{want}, 2)
				if err != nil {
					continue
				}
				cmd := &exec.Cmd{Path: image.Path, Args: image.Args}
				if err := cmd.Run(); err != nil {
					t.Errorf("another program ran: %v", err)
				}
				image.Close()
				ran++
			}
			close(stop)
			swapping.Wait()
			t.Logf("%d tries, %d starts", swaps(t), ran)
		})
	}
}

// swappedOnce puts another program in place after the look, when nothing else happens.
func swappedOnce(t *testing.T, name string, place func(string) error, at func(string) string) {
	t.Helper()
	put := func(program string) {
		if err := place(at(program)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at("next"), name); err != nil {
			t.Fatal(err)
		}
	}
	put("good")
	file, err := sandbox.Look(name)
	if err != nil {
		t.Fatal(err)
	}
	image, err := sandbox.OpenImage(name, []string{"x"}, []sandbox.File{file}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	put("evil")
	if err := (&exec.Cmd{Path: image.Path, Args: image.Args}).Run(); err != nil {
		t.Errorf("another program ran: %v", err)
	}
	if again, err := sandbox.OpenImage(name, nil, []sandbox.File{file}, 2); err == nil {
		again.Close()
		t.Error("another program was opened")
	}
}

// What is written into the very file is seen after the start, and nothing that is not
// pinned is opened.
func TestSBX28_Images(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server")
	file := copied(t, "/bin/true", path)
	image, err := sandbox.OpenImage(path, []string{"server", "a"}, []sandbox.File{file}, 2)
	if err != nil || strings.Join(image.Args, " ") != "server a" {
		t.Fatalf("%+v, %v", image, err)
	}
	defer image.Close()
	if err := image.Unchanged(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := image.Unchanged(); err == nil {
		t.Error("another content was not seen")
	}
	if _, err := sandbox.OpenImage(path, nil, []sandbox.File{file}, 2); err == nil {
		t.Error("another content was opened")
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#! /bin/sh  -eu \necho\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pin, err := sandbox.Look(script)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.OpenImage(script, []string{"s", "a"}, []sandbox.File{pin}, 2); err == nil || !strings.Contains(err.Error(), "/bin/sh: it is not among the files") {
		t.Errorf("an interpreter that is not pinned: %v", err)
	}
	sh, err := sandbox.Look("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	run, err := sandbox.OpenImage(script, []string{"s", "a"}, []sandbox.File{pin, sh}, 2)
	if err != nil || strings.Join(run.Args, "|") != "/bin/sh|-eu|"+script+"|a" {
		t.Fatalf("%+v, %v", run, err)
	}
	run.Close()
	if err := os.WriteFile(script, []byte("#!"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.OpenImage(script, nil, nil, 2); err == nil {
		t.Error("a script that interprets itself was opened")
	}
}

// FuzzInterpreter: the program is named by one word without blanks, in the first line and
// within what Linux reads of it.
func FuzzInterpreter(f *testing.F) {
	for _, s := range []string{"#!/bin/sh\n", "#! /usr/bin/env -S node --x\n", "#!", "#!\n/bin/sh", "\x7fELF", "#!/bin/sh\t-e \r\n", "#!" + strings.Repeat("x", 300)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		program, word := sandbox.Interpreter(head)
		if strings.ContainsAny(program, " \t\n") || strings.Contains(word, "\n") || len(program)+len(word) > 256 || program == "" && word != "" {
			t.Errorf("%q names %q and %q", head, program, word)
		}
		if program != "" && (!strings.HasPrefix(string(head), "#!") || !strings.Contains(string(head), program)) {
			t.Errorf("%q names %q", head, program)
		}
	})
}
