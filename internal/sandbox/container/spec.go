package container

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/sandbox"
)

// The kinds of containers, which are the names of their programs, too.
const (
	Docker = "docker"
	Podman = "podman"
)

// Bounds of what is given to a container.
const (
	maxPaths = 128
	maxWords = 1024
	maxWord  = 128 << 10 // as Linux has it (MAX_ARG_STRLEN)
)

// Spec is all that a container gets. The zero value of what is not said is nothing.
type Spec struct {
	Kind     string
	Image    string   // by its digest
	Command  []string // a program in the image, and its arguments
	Env      []string // NAME=value
	Read     []string // files and directories of this system, absolute
	Write    []string
	Own      []string // paths of Doorward's own, which no container sees
	Limits   sandbox.Limits
	UID, GID int    // of the process, in the container as outside; 0 and less: nobody
	Owner    string // of the data directory: what it left behind is found by it
	Weaker   bool   // versions below the floor, and those that are not known, may serve
}

// nobody is who a process is that Doorward as root starts, in the image and outside.
const nobody = 65534

// ids are the user and the group of the process. Root is none.
func (s *Spec) ids() (uid, gid int) {
	if s.UID <= 0 || s.GID <= 0 {
		return nobody, nobody
	}
	return s.UID, s.GID
}

//nolint:gochecknoglobals // compiled when first used; read-only
var ownerPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{16,64}$`) })

// check refuses what no container is made of.
func (s *Spec) check() error {
	if s.Kind != Docker && s.Kind != Podman {
		return fmt.Errorf("no container is of kind %q", s.Kind)
	}
	if err := CheckImage(s.Image); err != nil {
		return err
	}
	if !ownerPattern().MatchString(s.Owner) {
		return errors.New("a container has no owner")
	}
	if err := s.checkCommand(); err != nil {
		return err
	}
	for _, kv := range s.Env {
		name, _, _ := strings.Cut(kv, "=")
		if err := CheckVariable(name); err != nil {
			return err
		}
	}
	if len(s.Read)+len(s.Write) > maxPaths {
		return fmt.Errorf("more than %d paths are given", maxPaths)
	}
	for _, path := range slices.Concat(s.Read, s.Write) {
		if err := CheckPath(path, s.Own); err != nil {
			return err
		}
	}
	return s.Limits.Check()
}

func (s *Spec) checkCommand() error {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return errors.New("a container needs the program of its image")
	}
	if len(s.Command) > maxWords {
		return fmt.Errorf("the command has more than %d words", maxWords)
	}
	for _, w := range s.Command {
		if len(w) > maxWord || strings.ContainsRune(w, 0) {
			return errors.New("a word of the command is too long, or has a zero byte")
		}
	}
	// podman takes an entrypoint that begins so for a list.
	if strings.HasPrefix(s.Command[0], "[") {
		return fmt.Errorf("the program %q begins with a bracket", s.Command[0])
	}
	return nil
}

//nolint:gochecknoglobals // compiled when first used; read-only
var variablePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`) })

// heeded are the beginnings of names of variables that a container's client, its
// libraries or its loader act on: values reach a container by its client's
// environment, so that they stand in no argument, and these would change what that
// client does (LD_PRELOAD runs code in it, DOCKER_HOST sends it elsewhere).
//
//nolint:gochecknoglobals // a table; read-only
var heeded = []string{
	"LD_", "DYLD_", "BASH_", "SHELLOPTS", "GLIBC_", "MALLOC_", "GCONV_", "LOCPATH", "NLSPATH", "GO", "GETCONF_", "RES_OPTIONS", "HOSTALIASES", "LOCALDOMAIN",
	"DOCKER_", "BUILDKIT", "BUILDX_", "COMPOSE_", "MOBY_", "CONTAINER", "_CONTAINERS_", "PODMAN_", "BUILDAH_", "STORAGE_", "REGISTRY_", "REGISTRIES_", "CONMON_", "NETAVARK_", "CRUN_", "RUNC_",
	"XDG_", "DBUS_", "NOTIFY_", "LISTEN_", "SSH_", "SSL_CERT_", "OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY",
}

// passed are the variables of Doorward's own environment that a client gets: where
// programs, its settings and its daemon are.
//
//nolint:gochecknoglobals // a table; read-only
var passed = []string{
	"PATH", "HOME", "USER", "TMPDIR", "LANG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER",
	"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS", "USERPROFILE", "SYSTEMROOT", "PROGRAMDATA", "PROGRAMFILES", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "PATHEXT", "COMSPEC",
}

// CheckVariable refuses a variable that cannot be given to a container.
func CheckVariable(name string) error {
	if !variablePattern().MatchString(name) {
		return fmt.Errorf("%q is no name of a variable", name)
	}
	upper := strings.ToUpper(name)
	if slices.Contains(passed, upper) || slices.ContainsFunc(heeded, func(p string) bool { return strings.HasPrefix(upper, p) }) {
		return fmt.Errorf("variable %s cannot be given to a container: the program that starts it would heed it", name)
	}
	return nil
}

// barred are places of this system that give away more than files: its processes,
// its devices, and the sockets of daemons that run as root. What holds one is barred
// like what lies in it.
//
//nolint:gochecknoglobals // a table; read-only
var barred = []string{
	"/proc", "/sys", "/dev", "/boot", "/run", "/var/run",
	"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/docker", "/etc/containers", "/etc/containerd",
	"/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/var/lib/kubelet",
}

// CheckPath refuses a path of this system that no container is given: a barred place,
// one of Doorward's own, and what holds either. Links were followed by who asks.
func CheckPath(path string, own []string) error {
	switch {
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return fmt.Errorf("%q is not an absolute path in its shortest form", path)
	case path == filepath.VolumeName(path)+string(filepath.Separator):
		return errors.New("the whole file system cannot be given: name directories")
	case strings.ContainsAny(path, "\",\x00\r\n\t"):
		return fmt.Errorf("path %q has a comma, a quotation mark or a control character, which the arguments of a mount cannot carry", path)
	case path == scratch:
		return fmt.Errorf("%s is the container's own: name what is needed elsewhere", path)
	}
	for _, p := range barred {
		if within(path, p) || within(p, path) {
			return fmt.Errorf("%s cannot be given to a container: %s gives away more than files", path, p)
		}
	}
	for _, p := range own {
		if within(path, p) {
			return fmt.Errorf("giving %s: it is Doorward's own", path)
		}
		if within(p, path) {
			return fmt.Errorf("giving %s: %s, which is Doorward's own, lies in it: name what lies beside", path, p)
		}
	}
	return nil
}

// within tells whether a path is a directory or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}
