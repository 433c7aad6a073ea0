package login_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"doorward/internal/login"
)

// The browser's program gets the URL as one argument, and nothing else does.
func TestOpenBrowser(t *testing.T) {
	dir := t.TempDir()
	got := filepath.Join(dir, "got")
	must(t, syscall.Mkfifo(got, 0o600)) // reading it waits for the program
	must(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\nprintf '%s|' \"$#\" \"$1\" > \""+got+"\"\n"), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	const link = "https://id.example/authorize?a=b&c=d+e%20f"
	if err := login.OpenBrowser(link); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(got); err != nil || string(text) != "1|"+link+"|" {
		t.Errorf("the program got %q, %v", text, err)
	}
	for _, evil := range []string{"a:$(touch /tmp/x)?", "file:///etc/passwd", "--help", "https://id.example/'", "http://id.example/", ""} {
		if err := login.OpenBrowser(evil); err == nil {
			t.Errorf("%q was opened", evil)
		}
	}
	t.Setenv("PATH", filepath.Join(dir, "empty"))
	if err := login.OpenBrowser(link); err == nil {
		t.Error("no program, and no error")
	}
}
