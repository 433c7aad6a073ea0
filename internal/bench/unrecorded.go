package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// silence writes an overlay for the go command (go help build, -overlay) into dir, by
// which doorward has no record of exchanges: Doorward itself has no way to leave it out,
// and what the record costs cannot be measured with it alone. It returns the overlay's
// path. Sources that it does not know are an error.
func silence(ctx context.Context, dir string) (string, error) {
	found, err := output(exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "doorward/internal/app"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(string(bytes.TrimSpace(found)), "trail.go")
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for _, call := range []string{"t.log.Intent(ctx, ex)", "t.log.Outcome(ctx, ex, out)"} {
		if bytes.Count(source, []byte(call)) != 1 {
			return "", fmt.Errorf("%s does not say %s once", path, call)
		}
		source = bytes.Replace(source, []byte(call), []byte("error(nil)"), 1)
	}
	silent, overlay := filepath.Join(dir, "trail.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(silent, source, 0o600); err != nil {
		return "", err
	}
	said, err := json.Marshal(map[string]map[string]string{"Replace": {path: silent}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, said, 0o600)
}
