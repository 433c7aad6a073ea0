package config_test

import (
	"strings"
	"testing"

	"doorward/internal/config"
)

// What manifests and labels of images carry elsewhere is nothing that a container can be
// given here: there is no key for it (CVE-2026-55887, Docker MCP Gateway, and Smithery's
// dockerBuildPath). testdata/bad/container.yaml has each on its line.
func TestSBX24_A14_A45_ManifestsAreNoOptions(t *testing.T) {
	const image = "mcp/files@sha256:4dad7affc2f575e885e5563b405c40f895c61ae82b7aae8b8f3e47f57b955694"
	const head = "version: 1\nupstreams:\n  up:\n    command: [/server]\n    sandbox:\n      kind: docker\n      image: "
	if _, err := config.Parse("good.yaml", []byte(head+image+"\n      read: [/srv/docs]\n      allow_weaker: [runtime]\n")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ rest, want string }{
		"volumes":    {image + "\n      volumes: [\"/:/h\"]", "there is no such key"},
		"privileged": {image + "\n      privileged: true", "there is no such key"},
		"options":    {image + "\n      args: [\"-v\", \"/:/h\"]", "there is no such key"},
		"context":    {image + "\n      context: \"..\"", "there is no such key"},
		"dockerfile": {image + "\n      dockerfile: /etc/x", "there is no such key"},
		"latest":     {"mcp/files@latest", "digest"},
		"option":     {"\"--privileged " + image + "\"", "must be NAME@sha256"},
		"loader":     {image + "\n    env: {LD_PRELOAD: x}\nsecrets: {x: {from: env:X}}", "LD_PRELOAD"},
		"bomb":       {image + "\n      read: &a [x, x]\n      write: [*a, *a]", "anchors"},
		"tag":        {"!!python/object/apply:os.system " + image, "tag"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := config.Parse("bad.yaml", []byte(head+tc.rest+"\n")); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse: %v, want %q", err, tc.want)
			}
		})
	}
}
