package clients

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// language is a family of interpreters, and how each is given code in a word.
type language struct {
	programs *regexp.Regexp // whole names, in lower case
	code     *regexp.Regexp // the option that code follows, or begins right behind
	takes    []string       // options that have a word after them
	first    bool           // the first word that is no option is code, not a file
}

// languages are the interpreters that people start servers with, from their
// manuals: sh(1), cmd /?, about_pwsh, python(1), node(1), deno-eval, perlrun(1),
// ruby(1), php(1), lua(1), npm-exec(1).
//
//nolint:gochecknoglobals // a table, compiled when first used; read-only
var languages = sync.OnceValue(func() []language {
	return []language{
		{regexp.MustCompile(`^(ba|z|da|k|fi|c|tc|a)?sh$`), regexp.MustCompile(`^(-[a-zA-Z]*c|--command)$`), []string{"-o", "-O", "+o", "+O", "--rcfile", "--init-file"}, false},
		{regexp.MustCompile(`^cmd$`), regexp.MustCompile(`^/[cCkKrR]`), nil, false},
		{regexp.MustCompile(`^(powershell|pwsh)$`), regexp.MustCompile(`^(?i:[-/](c|command|commandwithargs|enc|encodedcommand|ec|e))$`), []string{"-ExecutionPolicy", "-ep", "-WindowStyle", "-InputFormat", "-OutputFormat", "-Version"}, true},
		{regexp.MustCompile(`^(python|pypy)[0-9.]*w?$`), regexp.MustCompile(`^-[a-zA-Z]*c`), []string{"-W", "-X"}, false},
		{regexp.MustCompile(`^(node|nodejs|bun|tsx|ts-node)$`), regexp.MustCompile(`^(-[a-z]*[ep]|--eval|--print|--import=data:.*|--eval=.*|--print=.*)$`), []string{"-r", "--require", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"}, false},
		{regexp.MustCompile(`^deno$`), regexp.MustCompile(`^eval$`), nil, false},
		{regexp.MustCompile(`^(perl|ruby|lua|luajit|julia|rscript|osascript|elixir)[0-9.]*$`), regexp.MustCompile(`^-[a-zA-Z]*[eE]`), []string{"-I", "-r"}, false},
		{regexp.MustCompile(`^php[0-9.]*$`), regexp.MustCompile(`^(-[rBE]|--run)`), []string{"-d", "-c"}, false},
		{regexp.MustCompile(`^(npx|npm|pnpm|pnpx)$`), regexp.MustCompile(`^(-c|--call(=.*)?)$`), []string{"-p", "--package", "exec"}, false},
	}
})

// programName is the name of an executable, without its directory and what Windows
// writes after it.
func programName(word string) string {
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	for _, end := range [...]string{".exe", ".cmd", ".bat"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

// spoken tells which language a word is an interpreter of.
func spoken(word string) (language, bool) {
	name := programName(word)
	at := slices.IndexFunc(languages(), func(l language) bool { return l.programs.MatchString(name) })
	if at < 0 {
		return language{}, false
	}
	return languages()[at], true
}

// read tells what the words after an interpreter have it run: code, or the file of
// a script. What follows either is the program's own.
func (l *language) read(words []string) (code, script string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch at := l.code.FindStringIndex(w); {
		case at != nil:
			return strings.Join(append([]string{w[at[1]:], strings.TrimLeft(w[:at[1]], "-")}, words[i+1:]...), " "), ""
		case slices.Contains(l.takes, w):
			i++
		case w == "-m", w == "--":
			return "", ""
		case strings.HasPrefix(w, "-"), strings.HasPrefix(w, "/") && len(w) <= 3:
		case l.first:
			return strings.Join(words[i:], " "), ""
		default:
			return "", w
		}
	}
	return "", ""
}

// inline is the code that stands in a command itself, of each interpreter that is
// named in it, also behind another program (env, docker run, ssh).
func inline(command []string) []string {
	var all []string
	for i, w := range command {
		if l, ok := spoken(w); ok {
			if code, _ := l.read(command[i+1:]); code != "" {
				all = append(all, code)
			}
		}
	}
	return all
}

// The two halves of code that fetches code and runs it, in any language. Which
// comes first does not count: python nests the one in the other, a shell pipes.
// Each is a class of names from the languages' standard libraries and most used
// clients, never a whole payload.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	fetches = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)` + downloader + `|\b(iwr|irm|invoke-webrequest|invoke-restmethod|start-bitstransfer|downloadstring|downloadfile|downloaddata|net\.webclient|httpclient)\b` +
			`|urlopen|urlretrieve|\burllib|\brequests\.|\bhttpx\b|aiohttp|http\.client|\b(fetch|got|axios|ky|undici)[.(]|https?\.(get|request)\b|xmlhttprequest` +
			`|net::http|open-uri|uri\.open|\blwp\b|lwp::|http::tiny|file_get_contents\s*\(\s*['"]https?:|curl_(init|exec)|\bsockets?\b|net\.(connect|createconnection)|socketpair|(https?|ftp)://`)
	})
	runs = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(exec|eval|execfile|compile|evalfile|loadstring|runpy|assert)\s*[(.]|\beval\b|\bexec\b|new\s+function\b|\bfunction\s*\(\s*['"\w]*\s*\)\s*\(|[(,=]\s*function\s*\)` +
			`|run\w*incontext|run\w*script|\b_compile\b|\bimport\s*\(|importlib|__import__|exec_module|child_process|execsync|execfile|spawn|os\.system|subprocess|popen|\bsystem\s*[("']` +
			`|(instance|class|module)_eval|\biex\b|invoke-expression|start-process|scriptblock|chmod\s+(\+x|[0-7]*[157])|pickle|marshal\.load|\bload\s*\(` +
			`|\|\s*(sudo\s+|env\s+)?(\S*/)?((ba|z|da|k|fi)?sh|python[\d.]*|node|perl|ruby|php|pwsh|powershell|deno|bun)\b`)
	})
	// What a shell runs of what a program has fetched, before or after it.
	shellRuns = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("(?i)" + `\$\(\s*\S*` + downloaders + `|<\(\s*\S*` + downloaders + "|`\\s*\\S*" + downloaders + `|` + downloader + `.*(\||;|&&)`)
	})
	hides = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)base64\s+(-d|--decode|-D)|frombase64string|-enc(odedcommand)?\s|atob\(|b(16|32|64|85)decode|decode64|base64_decode|mime::base64` +
			`|buffer\.from\([^)]*['"](base64|hex)|fromcharcode|bytes\.fromhex|unhexlify|zlib\.decompress|codecs\.decode|gzinflate|str_rot13|unpack\w*\(?\s*['"][mHu]`)
	})
)

// The programs that download, and one of them where a program is named: after a
// space or a separator, never as the end of another name (mcp-server-fetch).
const (
	downloaders = `(curl|wget|fetch|aria2c|lynx|certutil|bitsadmin)(\.exe)?\s`
	downloader  = `(^|[\s;&|(/\\"'` + "`" + `=])` + downloaders
)

// fetchesAndRuns tells of code in a command that downloads code and evaluates it.
func fetchesAndRuns(command []string) bool {
	return slices.ContainsFunc(inline(command), func(code string) bool {
		return fetches().MatchString(code) && runs().MatchString(code) || shellRuns().MatchString(code)
	})
}
