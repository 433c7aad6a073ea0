package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// root is the root directory of a sandbox while it is built: a file system in
// memory at base, in the mount namespace of process 1, which was copied from the
// gateway's. Every path in it is opened with RESOLVE_IN_ROOT (openat2(2)): a link
// leads nowhere but into the new root.
type root struct {
	base string
	fd   int
	idle []int // trees that belong to the gateway's namespace; closed at the end
}

// attributes of everything that a command sees.
const (
	plainAttributes = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	smallFiles      = "size=1m,nr_inodes=4k,mode=0755" // of the root itself
)

// bases are directories that some system surely has; the one that is used is hidden
// by the new root in this namespace alone.
//
//nolint:gochecknoglobals // a table; read-only
var bases = []string{"/tmp", "/run", "/var", "/mnt", "/usr"}

// tree takes a path of this system, with what is mounted below it, as a mount that
// is nowhere yet (open_tree(2)); one that is not to be written is not.
func tree(path string, write bool, idmap int) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return -1, fmt.Errorf("taking %s: %w", path, err)
	}
	attr := unix.MountAttr{Attr_set: plainAttributes, Propagation: unix.MS_PRIVATE}
	if !write {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err = setAttributes(fd, attr); err == nil && idmap >= 0 {
		err = setAttributes(fd, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(idmap)})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("restricting the mount of %s: %w", path, err)
	}
	return fd, nil
}

func setAttributes(fd int, attr unix.MountAttr) error {
	return unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr)
}

// buildRoot makes the root that p describes and moves into it. trees are those of
// the plan's mounts, in their order, where the gateway has opened them.
func buildRoot(p *Plan, trees []int) error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keeping mounts from the rest of the system: %w", err)
	}
	r, err := newRoot(p, trees)
	if err != nil {
		return err
	}
	defer r.release()
	for _, step := range []func(*Plan) error{r.links, r.system, r.scratch, r.runsc, r.mounts, r.hide, r.identity} {
		if err := step(p); err != nil {
			return err
		}
	}
	return r.enter(p)
}

// newRoot opens what comes from outside before the new root is mounted over it.
func newRoot(p *Plan, trees []int) (r *root, err error) {
	r = &root{fd: -1, idle: trees}
	for i := len(trees); i < len(p.Mounts); i++ {
		m := &p.Mounts[i]
		fd, err := tree(m.source(), m.Write, -1)
		if err != nil {
			r.release()
			return nil, err
		}
		r.idle = append(r.idle, fd)
	}
	for _, base := range bases {
		if info, err := os.Lstat(base); err == nil && info.IsDir() {
			r.base = base
			break
		}
	}
	return r, nil
}

func (r *root) release() {
	for _, fd := range append(r.idle, r.fd) {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// devicesInside are the devices of a sandbox and those of the system that stand for them.
// A mapping of zero is memory that processes can share and no limit counts; full reads
// the same, and cannot be mapped.
//
//nolint:gochecknoglobals // a table; read-only
var devicesInside = map[string]string{"null": "null", "zero": "full", "full": "full", "random": "random", "urandom": "urandom"}

// links mounts the root and makes its symbolic links.
func (r *root) links(p *Plan) error {
	devices := map[string]int{}
	for name, is := range devicesInside {
		fd, err := unix.OpenTree(unix.AT_FDCWD, "/dev/"+is, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("taking /dev/%s: %w", is, err)
		}
		devices[name] = fd
		r.idle = append(r.idle, fd)
	}
	if err := unix.Mount("doorward", r.base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, smallFiles); err != nil {
		return fmt.Errorf("mounting a root at %s: %w", r.base, err)
	}
	var err error
	if r.fd, err = unix.Open(r.base, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("opening the root: %w", err)
	}
	for _, dir := range []string{"/proc", "/dev", "/tmp", "/run", "/etc"} {
		if _, err := r.directory(dir); err != nil {
			return err
		}
	}
	for name, fd := range devices {
		if err := r.attach(fd, "/dev/"+name, false); err != nil {
			return err
		}
	}
	for at, to := range p.Links {
		if err := os.Symlink(to, filepath.Join(r.base, at)); err != nil {
			return fmt.Errorf("linking %s: %w", at, err)
		}
	}
	for at, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, filepath.Join(r.base, "dev", at)); err != nil {
			return fmt.Errorf("linking /dev/%s: %w", at, err)
		}
	}
	return nil
}

// mounts puts the plan's trees where they belong.
func (r *root) mounts(p *Plan) error {
	for i := range p.Mounts {
		fd, m := r.idle[i], &p.Mounts[i]
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("looking at %s: %w", m.source(), err)
		}
		if err := r.attach(fd, m.Path, st.Mode&unix.S_IFMT == unix.S_IFDIR); err != nil {
			return err
		}
	}
	return nil
}

// system mounts /proc of the new process namespace, where nothing can be changed.
func (r *root) system(p *Plan) error {
	at := filepath.Join(r.base, "proc")
	if err := unix.Mount("proc", at, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if p.Runsc != nil {
		// runsc mounts it anew in namespaces of its own, which no kernel lets it do where parts are
		// covered (mount_too_revealing, fs/namespace.c). The command has gVisor's.
		return nil
	}
	// No namespace below this one, whatever the filter of system calls lets through.
	if err := os.WriteFile(filepath.Join(at, "sys/user/max_user_namespaces"), []byte("0"), 0); err != nil {
		return fmt.Errorf("forbidding further user namespaces: %w", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, 0, &attr); err != nil {
		return fmt.Errorf("making /proc read-only: %w", err)
	}
	for _, name := range []string{"kcore", "keys", "key-users", "timer_list", "sysrq-trigger", "kallsyms", "kpagecount", "kpageflags"} {
		if err := r.empty("/proc/" + name); err != nil {
			return err
		}
	}
	return nil
}

// scratch is the private file system, one for all that may be written: its size is
// the plan's disk.
func (r *root) scratch(p *Plan) error {
	at := filepath.Join(r.base, "run")
	size := fmt.Sprintf("size=%d,nr_inodes=%d,mode=0755", p.Limits.Disk, max(p.Limits.Disk>>20, 1)*inodesPerMebi)
	if err := unix.Mount("doorward", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, size); err != nil {
		return fmt.Errorf("mounting the private file system: %w", err)
	}
	for path, mode := range map[string]uint32{"/tmp": 0o1777, Home: 0o700, "/dev/shm": 0o1777} {
		own := filepath.Join(at, filepath.Base(path))
		if err := os.Mkdir(own, 0o700); err != nil {
			return fmt.Errorf("making %s: %w", path, err)
		}
		if err := unix.Chmod(own, mode); err != nil {
			return fmt.Errorf("making %s: %w", path, err)
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, own, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("taking %s: %w", own, err)
		}
		r.idle = append(r.idle, fd)
		if err := r.attach(fd, path, true); err != nil {
			return err
		}
	}
	return nil
}

// runsc makes the place of runsc, which it alone may write to.
func (r *root) runsc(p *Plan) error {
	if p.Runsc == nil {
		return nil
	}
	if _, err := r.directory(runscDir); err != nil {
		return err
	}
	at := filepath.Join(r.base, runscDir)
	if err := unix.Mount("doorward", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, runscFiles); err != nil {
		return fmt.Errorf("mounting the place of runsc: %w", err)
	}
	if err := os.Mkdir(filepath.Join(r.base, runscState), 0o700); err != nil {
		return fmt.Errorf("making the place of runsc: %w", err)
	}
	return nil
}

// hidden are the paths inside at which what is hidden would appear: a mount may have
// another name inside than on this system, and what is hidden may be named by a link.
func (p *Plan) hidden() (all []string) {
	for _, path := range p.Hide {
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			target = filepath.Clean(path) // it is not there, or not for us
		}
		all = append(all, path, target)
		for i := range p.Mounts {
			m := &p.Mounts[i]
			if within(target, m.source()) {
				all = append(all, filepath.Join(m.Path, strings.TrimPrefix(target, m.source())))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// hide covers what no command may see: a directory by an empty one, a file by /dev/null.
func (r *root) hide(p *Plan) error {
	for _, path := range p.Hide {
		if err := r.empty(path); err != nil {
			return err
		}
	}
	return nil
}

func (r *root) empty(path string) error {
	at, err := r.open(path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hiding %s: %w", path, err)
	}
	defer func() { _ = unix.Close(at) }()
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return fmt.Errorf("hiding %s: %w", path, err)
	}
	target := fmt.Sprintf("/proc/self/fd/%d", at)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.Mount("doorward", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "size=4k,nr_inodes=2,mode=0555")
	} else {
		err = unix.Mount("/dev/null", target, "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("hiding %s: %w", path, err)
	}
	return nil
}

// identity writes who is who inside: one user and its group, and no hosts.
func (r *root) identity(p *Plan) error {
	uid := os.Geteuid()
	for name, text := range map[string]string{
		"passwd":        fmt.Sprintf("sandbox:x:%d:%d:sandbox:%s:/bin/false\n", uid, os.Getegid(), Home),
		"group":         fmt.Sprintf("sandbox:x:%d:\n", os.Getegid()),
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"resolv.conf":   "",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	} {
		if err := os.WriteFile(filepath.Join(r.base, "etc", name), []byte(text), 0o444); err != nil { //nolint:gosec // it is read by the command, and nobody writes it
			return fmt.Errorf("writing /etc/%s: %w", name, err)
		}
	}
	_, err := r.directory(p.Dir)
	return err
}

// enter makes the new root the only one: what was before is not reachable any more.
func (r *root) enter(p *Plan) error {
	if err := unix.Fchdir(r.fd); err != nil { // O_PATH will do
		return fmt.Errorf("entering the root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	for _, at := range []string{"/", "/run"} {
		if err := unix.MountSetattr(unix.AT_FDCWD, at, 0, &attr); err != nil {
			return fmt.Errorf("making %s read-only: %w", at, err)
		}
	}
	if err := unix.Chdir(p.Dir); err != nil {
		return fmt.Errorf("entering %s: %w", p.Dir, err)
	}
	return nil
}

// open opens a path of the new root.
func (r *root) open(path string) (int, error) {
	return unix.Openat2(r.fd, "./"+strings.TrimPrefix(path, "/"), &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
}

// attach moves a tree to its place, which is made where it is not there.
func (r *root) attach(tree int, path string, dir bool) error {
	if err := r.place(path, dir); err != nil {
		return err
	}
	at, err := r.open(path)
	if err != nil {
		return fmt.Errorf("finding %s in the root: %w", path, err)
	}
	defer func() { _ = unix.Close(at) }()
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mounting %s: %w", path, err)
	}
	return nil
}

// place makes an empty file or directory where there is none yet.
func (r *root) place(path string, dir bool) error {
	if dir {
		_, err := r.directory(path)
		return err
	}
	if fd, err := r.open(path); err == nil {
		return unix.Close(fd)
	}
	parent, err := r.directory(filepath.Dir(path))
	if err != nil {
		return err
	}
	fd, err := unix.Openat2(parent, filepath.Base(path), &unix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_CLOEXEC, Mode: 0o444, Resolve: unix.RESOLVE_BENEATH})
	if err != nil {
		return fmt.Errorf("making a place for %s, which no path that is given holds: %w", path, err)
	}
	return unix.Close(fd)
}

// directory is a directory of the new root, open until the root is; it and its
// parents are made where they are not there.
func (r *root) directory(path string) (int, error) {
	fd, err := r.open(path)
	if errors.Is(err, unix.ENOENT) && path != "/" {
		parent, err := r.directory(filepath.Dir(path))
		if err != nil {
			return -1, err
		}
		if err := unix.Mkdirat(parent, filepath.Base(path), 0o755); err != nil {
			return -1, fmt.Errorf("making a place for %s, which no path that is given holds: %w", path, err)
		}
		fd, err = r.open(path)
		if err != nil {
			return -1, fmt.Errorf("finding %s in the root: %w", path, err)
		}
		r.idle = append(r.idle, fd)
		return fd, nil
	}
	if err != nil {
		return -1, fmt.Errorf("finding %s in the root: %w", path, err)
	}
	r.idle = append(r.idle, fd)
	return fd, nil
}
