package container_test

import (
	"strings"
	"testing"

	"doorward/internal/sandbox/container"
)

const digest = "sha256:4dad7affc2f575e885e5563b405c40f895c61ae82b7aae8b8f3e47f57b955694"

// A tag moves: SBX-24 has x@latest, MCP registries have :latest everywhere.
func TestSBX24_ImagesAreNamedByTheirDigest(t *testing.T) {
	for image, ok := range map[string]bool{
		digest: true, "probe@" + digest: true, "docker.io/mcp/files@" + digest: true, "localhost:5000/a/b_c.d@" + digest: true,
		"": false, "x@latest": false, "x": false, "mcp/files:latest": false, "mcp/files:1.2@" + digest: false, "x:5@" + digest: false,
		"x@sha256:4dad": false, "x@" + strings.ToUpper(digest): false, "x@" + digest + "0": false, "x@md5:" + digest[7:]: false,
		"--privileged": false, "-v@" + digest: false, "../x@" + digest: false, "/x@" + digest: false, "x/@" + digest: false, "x y@" + digest: false,
		"example.com:5000/x@" + digest: true, "dir:1234/x@" + digest: false, "oci:5000/x@" + digest: false, "containers-storage:1/x@" + digest: false,
		"x@" + digest + "\n": false, "X@" + digest: false, "a//b@" + digest: false, strings.Repeat("a/", 400) + "a@" + digest: false,
	} {
		if err := container.CheckImage(image); (err == nil) != ok {
			t.Errorf("CheckImage(%q) = %v, want it taken: %v", image, err, ok)
		}
	}
}

// What is taken is one word that no client reads as an option, and ends in a digest.
func FuzzImage(f *testing.F) {
	for _, s := range []string{digest, "a@" + digest, "a.b:5000/c/d@" + digest, "-a@" + digest, "a:tag@" + digest, "dir:1/a@" + digest} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, image string) {
		if container.CheckImage(image) != nil {
			return
		}
		name, sum, found := strings.Cut(image, "sha256:")
		if host, _, port := strings.Cut(strings.TrimSuffix(name, "@"), ":"); port && host != "localhost" && !strings.Contains(host, ".") {
			t.Fatalf("%q was taken: podman reads %s as where an image is", image, host)
		}
		if !found || len(sum) != 64 || strings.HasPrefix(image, "-") || strings.ContainsAny(image, " \t\r\n,=\"'\\") || name != "" && !strings.HasSuffix(name, "@") {
			t.Fatalf("%q was taken", image)
		}
	})
}
