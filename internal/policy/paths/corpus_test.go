package paths_test

import (
	"math/rand/v2"
	"strings"
)

// generator makes values from a fixed seed: the same at every run.
type generator struct{ r *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 35))} }

func (g generator) pick(from []string) string { return from[g.r.IntN(len(from))] }

// chance is true once in n.
func (g generator) chance(n int) bool { return g.r.IntN(n) == 0 }

// dots, slashes and nothings are spellings of ".", "/" and of nothing at all.
func dots() []string {
	return []string{
		".", ".", "%2e", "%2E", "%252e", "%25252e", "%u002e", "%U002E", "%c0%ae", "%C0%AE", "%e0%80%ae", "%c0%2e", "．", "․", "﹒",
		"%ef%bc%8e", "&#46;", "&#x2e;", "&#46", "&period;", "%%32%65", "%2%65", "%uff0e", ".\u200b", ".\u200d", "\ufeff.",
	}
}

func slashes() []string {
	return []string{
		"/", "/", "//", "/./", "%2f", "%2F", "%252f", "%25252F", "%u002f", "%u2215", "%c0%af", "%e0%80%af", "%5c", "%255c", `\`, `\\`, `/\`,
		"／", "∕", "⁄", "⧸", "＼", "∖", "&#47;", "&#x2f;", "&sol;", "%ef%bc%8f", ";/", ";x=y/", "/\u200b", "\u2060/", " /", "\t/",
		"%09/", "%00/", "\x00/", "+/", "~/", "\"/", "'/", "`/", "./", "#/", "#x/",
		" #x", "#",
	}
}

func endings() []string {
	return []string{
		"", "", "", "/", "/.", " ", "\t", "\n", "\r\n", ".", "..", "\"", "'", "`", "\u00a0", "\u3000", "\u202f", "\u200b", "\u200d", "\ufeff",
		"\u202e", "\x00", "\x00.md", "%00", "%00.md", "%2500", "%20", "#", "#.md", "?", "?x=.md", ";", ";.md", "~", "*", "|", "::$DATA", "%0a",
	}
}

// hostile returns one value of a random family.
func (g generator) hostile(windows bool) string {
	if windows {
		return g.hostileWindows()
	}
	switch g.r.IntN(8) {
	case 0, 1, 2:
		return g.climb("/", []string{"/srv/a/", "/srv/a/x/", "/srv/a/./", "/srv/a//", "", "./", "x/", "/srv/a/..hidden/", "file:///srv/a/", "/srv/a/é/"})
	case 3:
		return g.closedName()
	case 4:
		return g.beside()
	case 5:
		return g.kernel()
	case 6:
		return g.uri()
	default:
		return g.expansion()
	}
}

// climb goes up from a prefix in a random mixture of spellings, often far
// enough.
func (g generator) climb(sep string, prefixes []string) string {
	var b strings.Builder
	b.WriteString(g.pick(prefixes))
	dot, slash := g.pick(dots()), g.pick(slashes())
	mixed := g.chance(3)
	for range 1 + g.r.IntN(7) {
		if mixed {
			dot, slash = g.pick(dots()), g.pick(slashes())
		}
		switch g.r.IntN(6) {
		case 0:
			b.WriteString(".." + slash)
		case 1:
			b.WriteString(dot + dot + sep)
		case 2:
			b.WriteString("...." + sep + sep)
		default:
			b.WriteString(dot + dot + slash)
		}
	}
	b.WriteString(g.pick([]string{"etc/passwd", "etc/shadow", "srv/b/x", "srv/a-evil/x", "root/.ssh/id_rsa", "x.md", ""}))
	return b.String() + g.pick(endings())
}

// closedName spells a closed part another way.
func (g generator) closedName() string {
	s := g.pick([]string{"private", "private/x.md", "x/.env", ".env", "tls/server.key", "Private/deep/x", "PRIVATE", ".ENV", "a/b.KEY"})
	for range g.r.IntN(3) {
		i := g.r.IntN(len(s))
		c := s[i : i+1]
		if c == "/" || s[i] >= 0x80 {
			continue
		}
		wide := string(rune(c[0]) - 0x20 + 0xff00)
		s = s[:i] + g.pick([]string{
			"%" + hex(c[0]), "%25" + hex(c[0]), "%u00" + hex(c[0]), wide, c + "\u200b", c + "\u00ad", "\u2060" + c, c + "\ufe0f",
			strings.ToUpper(c), "'" + c, "\"" + c, c + "''", "&#x" + hex(c[0]) + ";",
		}) + s[i+1:]
	}
	return "/srv/a/" + s + g.pick(endings())
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// beside names a neighbour of the allowed directory.
func (g generator) beside() string {
	at := g.pick([]string{
		"/srv/a-evil", "/srv/abc", "/srv/a..", "/srv/a.", "/srv/A", "/SRV/a", "/srv/a ", "/srv/а", "/srv/ａ", "/srv/a\u200b", "/srv", "/", "/srv/a%20",
		"/etc", "/srv/á", "/srv/a\u0301", "//srv/a/../b", "/srv/a\\..\\b", "/srv/a%2f..%2fb", "/srv/a~", "/srv/a;", "/srv/./b", "srv/a", "/tmp",
	})
	return at + g.pick([]string{"/", "//", "/x", "/a/", "/srv/a/"}) + g.pick([]string{"x.md", "passwd", "é.md", "..", "notes/1.md"}) + g.pick(endings())
}

func (g generator) kernel() string {
	at := g.pick([]string{
		"/proc/self/root", "/proc/self/environ", "/proc/1/root", "/proc/thread-self/cwd", "/dev/fd/0", "/dev/stdin", "/sys", "/dev/tcp/h/1", "/PROC/self",
		"/proc/self/fd/3", "/dev/shm", "/ｐroc/self", "//proc/self", "/./proc/self", "/proc/./self", "/%70roc/self", "/dev\u200b/stdin",
	})
	return at + g.pick([]string{"", "/", "/etc/passwd", "/srv/a/x.md", "/../x"}) + g.pick(endings())
}

func (g generator) uri() string {
	at := g.pick([]string{
		"file://localhost/", "file:////", "FILE:/", "file://evil/", "file:///srv/a/%2e%2e/", "file:", "file:///", "File:///srv/a/../", "http://h/", "smb://h/",
		"jar:file:/", "view-source:file:///", "data:text/plain,", "php://filter/resource=/", "host:/", "user@host:/", "C:/", "netdoc:/", "url:file:///", "a:b/",
	})
	return at + g.pick([]string{"etc/x", "etc/passwd", "srv/b/x.md", "../x", "x", "root/.ssh/id_rsa"}) + g.pick(endings())
}

func (g generator) expansion() string {
	at := g.pick([]string{
		"~", "~/", "~root/", "$HOME/", "${HOME}/", "%USERPROFILE%/", "$(pwd)/", "/srv/a/$X/", "/srv/a/${X}/", "/srv/a/%APPDATA%/", "`pwd`/", "/srv/a/x:/",
		"/srv/a/x,/", "/srv/a/x /", "/srv/a/x\n/", "/srv/a/x;/", "/srv/a/x|/", "'/srv/a'/", "\"", " ", "-", "--output=/", "@/", "/srv/a/$OLDPWD", "$PWD",
	})
	return at + g.pick([]string{"etc/passwd", "x", "root/.ssh/id_rsa", "srv/b", "../../etc"}) + g.pick(endings())
}

func (g generator) hostileWindows() string {
	sep := g.pick([]string{`\`, "/", `\/`, `\\`})
	in := `C:\srv\docs\`
	switch g.r.IntN(5) {
	case 0:
		return g.climb(sep, []string{in, in + `x\`, "C:/srv/docs/", "", `.\`, `c:\SRV\docs\`, "C:"})
	case 1:
		return g.pick([]string{
			`C:\x`, `C:x`, `D:\srv\docs\x`, `\srv\docs\x`, `/srv/docs/x`, `\\srv\share\x`, `//srv/share/x`, `\\?\C:\srv\docs\x`, `//?/C:/srv/docs/x`, `\??\C:\x`,
			`\\.\C:\x`, `\\.\pipe\x`, `\\?\UNC\h\s`, `C:\srv\docs-evil\x`, `C:\srv\docsx`, `::{20D04FE0-3AEA-1069-A2D8-08002B30309D}`, `C:\srv`, `\Device\x`, `C:.\x`,
		}) + g.pick(endings())
	case 2:
		return in + g.pick([]string{
			"CON", "con", "PRN", "AUX", "NUL", "nul.txt", "NUL .txt", "COM1", "com9.log", "LPT1", "COM¹", "lpt³.x", "CONIN$", "CONOUT$", "CLOCK$", "x\\aux",
			"ＮＵＬ", "COM0", "x/nul.tar.gz", "aux.md",
		}) + g.pick(endings())
	case 3:
		return in + g.pick([]string{"PROGRA~1", "SECRET~2.MD", "x\\PRIVAT~1\\y", "a~9", "～1", "x～1"}) + g.pick(endings())
	default:
		name := g.pick([]string{"private", `private\x.md`, "PRIVATE", ".env", "x\\.ENV", "tls\\a.key", "private.", "private ", "private. .", ".env.", "a.key "})
		return in + name + g.pick([]string{"", ":s", "::$DATA", ":$I30:$INDEX_ALLOCATION", ".", " ", "..", ". .", "\\.", "\u00a0", "/x"}) + g.pick(endings())
	}
}

// legitimate returns one value as projects and people name files.
func (g generator) legitimate(windows bool) string {
	parts := []string{"/srv/a"}
	sep := "/"
	if windows {
		parts[0], sep = g.pick([]string{`C:\srv\docs`, `c:\srv\Docs`, "C:/srv/docs"}), g.pick([]string{`\`, "/"})
	}
	for range g.r.IntN(5) {
		parts = append(parts, g.pick(directories()))
	}
	if g.chance(12) {
		return strings.Join(parts, sep) + g.pick([]string{"", sep})
	}
	stem := g.pick(stems())
	if g.chance(3) {
		stem += g.pick([]string{"-v1.2.3", " (1)", "_final", ".test", "-2026-11-26", " copy", "+draft", ", part 2", ".min", " #4", "@2x", " [old]", "=x"})
	}
	if g.chance(9) {
		return strings.Join(append(parts, g.pick(whole())), sep)
	}
	return strings.Join(append(parts, stem+g.pick(suffixes())), sep)
}

func directories() []string {
	return []string{
		"src", "internal", "node_modules", "@types", "docs", ".github", ".vscode", "v1.2.3", "2026-11-26", "My Documents", "Proyectos", "データ", "资料", "Übersicht",
		"café", "cafe\u0301", "R&D", "C++", "C#", "a..b", "..data", "__pycache__", "[slug]", "(group)", "Bob's files", "Rock 'n' Roll", "x86_64-linux", "100% done",
		"émoji 🎉", "проект", "مشروع", "프로젝트", "foo.bar", "Q3 (final)", "A, B and C", "_layouts", "~tmp x"[1:], "price $", "a=b", "e^x", "Straße", "Privates",
		"private-notes", "publicly", "envs", "proc", "dev", "sys", "weiß", "ΑΒΓ", "हिन्दी", "می\u200cخواهم", "ไทย",
	}
}

func stems() []string {
	return []string{
		"README", "main", "index", "report", "notes", "Größe", "résumé", "re\u0301sume\u0301", "日本語のメモ", "会议纪要（终稿）", "这是什么？", "заметки", "ملاحظات", "메모",
		"🚀 launch", "👩\u200d🚀 team", "❤\ufe0f", "1\ufe0f\u20e3 first", "100%", "50% off", "a..b", "...spread", "it's me", "Meeting 10.30", "image (1)", "x+y", "a,b",
		"env", "key", "keys", "monkey", "environment", "server.key.pub", "half ½", "10°C", "H₂O", "№5", "Notes…ok", "資料　第一版", "ﬁne", "naïve", "foo - bar",
		"très long nom de fichier avec beaucoup de mots", "user@example.test", "key=value", "a & b", "what!", "[id]", "[...slug]", "_index", "-dash",
		"UPPER", "CamelCaseName", "snake_case_name", "kebab-case-name", "v2.0.0-rc.1+build.5", "2026.11.26", "0001-first", "נייר", "ηχώ", "đường",
	}
}

func suffixes() []string {
	return []string{".md", ".go", ".txt", ".tar.gz", ".d.ts", ".jpeg", ".PDF", ".test.tsx", "", ".json", ".yaml", ".c++", ".7z", ".env.example", ".sql", ".html"}
}

func whole() []string {
	return []string{
		".gitignore", ".editorconfig", ".env.example", "Makefile", "LICENSE", ".prettierrc.json", "go.sum", "Dockerfile.dev", ".npmrc", "__init__.py", "..data",
		".well-known", "CMakeLists.txt", "package-lock.json", ".envrc", ".key.md", "a.b.c.d", ".#lock", "#scratch", "tsconfig.base.json", "x", "price 5$.md", "5$+tax",
	}
}
