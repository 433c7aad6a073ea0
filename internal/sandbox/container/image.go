package container

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// imageByDigest is an image that cannot be another one tomorrow: its digest, or a
// repository (distribution reference grammar, without a tag) with its digest. Only a host
// with a dot, or localhost, has a port: podman reads dir:1/x as the directory 1/x, whatever
// digest follows (containers-transports(5)).
//
//nolint:gochecknoglobals // compiled when first used; read-only
var imageByDigest = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:(?:localhost|[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)+):[0-9]{1,5}/)?(?:[a-z0-9][a-z0-9._-]*/)*[a-z0-9][a-z0-9._-]*@)?sha256:[0-9a-f]{64}$`)
})

// maxImage bounds the name of an image, in bytes.
const maxImage = 512

// CheckImage refuses an image that is not named by its digest.
func CheckImage(image string) error {
	name, _, _ := strings.Cut(image, "@")
	switch {
	case image == "":
		return errors.New("an image is needed, by its digest: NAME@sha256:DIGEST")
	case len(image) > maxImage:
		return fmt.Errorf("the name of the image is longer than %d bytes", maxImage)
	case imageByDigest().MatchString(image):
		return nil
	case !strings.Contains(image, "@sha256:"):
		return fmt.Errorf("image %q must be named by its digest, which a tag is not: %s@sha256:DIGEST", image, strings.TrimSuffix(name, ":latest"))
	}
	return fmt.Errorf("image %q must be NAME@sha256: and 64 digits in lower-case hex, without a tag; a port stands behind localhost or a host with a dot", image)
}
