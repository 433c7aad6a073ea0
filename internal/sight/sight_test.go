package sight_test

import (
	"strings"
	"testing"

	"doorward/internal/sight"
)

func styled(style string) bool {
	var e sight.Element
	e.Attribute("style", style)
	return e.Invisible()
}

func TestStyles(t *testing.T) {
	cases := map[string]bool{ // whether it is not seen
		"":                                                 false,
		`display:none;content:";display:block;"`:           true,
		`display:none;content:';display:block;'`:           true,
		`content:";display:none;"`:                         false,
		`display:none !important; display:block`:           true,
		`display:block; display:none`:                      true,
		`display:none; display:block`:                      false,
		`display:none!IMPORTANT;display:block!important`:   false,
		`display:none !/**/imp\6frtant;display:block`:      true,
		`display:block !important; display:none`:           false,
		`d\69splay:none`:                                   true,
		`d\000069 splay:n\one`:                             true,
		`disp\6c ay:no\6e e`:                               true,
		"disp\\6c\nay:none":                                true,
		"dis\\\nplay:none":                                 false,
		`DISPLAY:NONE`:                                     true,
		"display:none;display:bloc\u212a":                  true, // a Kelvin sign is no k
		`display:/*;display:block*/none`:                   true,
		`dis/**/play:none`:                                 false,
		`display:no/**/ne`:                                 false,
		`/*;*/display:none/*`:                              true,
		`display:none;/*`:                                  true,
		`display:none;background:url(;display:block;)`:     true,
		`display:none;background:u\72l(;display:block;)`:   true,
		`display:none;background:url( ";display:block;" )`: true,
		`display:none;background:url(a b;display:block;)`:  true,
		`background:url(a(;display:none)`:                  false,
		`background:url(a();display:none`:                  true,
		`display:none;x:(;display:block`:                   true,
		`display:none;x:[;display:block;(];y)`:             true,
		`display:none;x:{;display:block;}`:                 true,
		`display:none;x:f(;display:block;`:                 true,
		`x:(};display:none`:                                false,
		`x:};display:none`:                                 true, // by older browsers
		`display:none};display:block`:                      true, // by newer ones
		`x{};display:block;display:none`:                   true,
		`x{}display:none`:                                  true, // by newer browsers
		`display:none;x{}display:block`:                    true, // by older ones
		`@x{display:block}display:none`:                    true,
		`display:none;@x;display:block`:                    false,
		`display:none;x y;display:block`:                   false,
		`display:none;"display:block`:                      true,
		"display:none;x:'\n;display:block":                 false, // the end of the line ends the string
		"x:'\n;display:none":                               true,
		`display:none;display:"block"`:                     true,
		`display:none;display:bogus`:                       true,
		`display:none;display:block block`:                 true,
		`display:none;display:blo\ck`:                      true,
		`display:none;display:b\6cock`:                     false,
		`display:none;display:`:                            true,
		`display:none;display:initial`:                     false,
		`display:none;all:unset`:                           false,
		`display:none!important;all:unset`:                 true,
		`all:initial;display:none`:                         true,
		`all:initial!important;display:none`:               false,
		`display:none;all:none`:                            true,
		`display:none;all:unset!important`:                 false,
		`display:none;display:var(--x)`:                    true,
		`--x:none;display:var(--x)`:                        true,
		`--x:var(--y);--y:none;display:var(--x)`:           true,
		`display:none;--x:block;display:var(--x)`:          false,
		`display:var(--x,none)`:                            true,
		`--x:block;display:var(--x,none)`:                  false,
		`display:table-column`:                             true,
		`display:inline flow-root`:                         false,
		`visibility:hidden;visibility:visible`:             false,
		`visibility:hidden;visibility:shown`:               true,
		`visibility:collapse`:                              true,
		`content-visibility:hidden`:                        true,
		`opacity:0`:                                        true,
		`opacity:.04`:                                      true,
		`opacity:4%`:                                       true,
		`opacity:0;opacity:1px`:                            true,
		`opacity:0;opacity:1`:                              false,
		`opacity:calc(1 - 1)`:                              true,
		`opacity:calc(0*(1 + 2))`:                          true,
		`opacity:1e-9`:                                     true,
		`opacity:0.5`:                                      false,
		`font-size:0`:                                      true,
		`font-size:1px`:                                    true,
		`font-size:.01em`:                                  true,
		`font-size:0;font-size:12bananas`:                  true,
		`font-size:0;font-size:12`:                         true,
		`font-size:0;font-size:12px`:                       false,
		`font-size:min(12px,0px)`:                          true,
		`font-size:clamp(0px,1vw,1px)`:                     true,
		`font:0/0 a`:                                       true,
		`font:700 12px/0 serif`:                            false,
		`font:bold 1px serif`:                              true,
		`font-size:0;font:12px`:                            true,
		`font:700 12px "A B"`:                              false,
		`zoom:0.01`:                                        true,
		`scale:0 1`:                                        true,
		`left:-9999px`:                                     true,
		`left:-99in`:                                       true,
		`left:calc(-1*9999px)`:                             true,
		`left:calc(0px - 9999px)`:                          true,
		`left:-9999px;left:auto`:                           false,
		`left:-9999px;left:auto auto auto x`:               true,
		`margin:0 0 0 -9999px`:                             true,
		`inset:-9999px auto auto`:                          true,
		`margin-left:-50vw`:                                false,
		`text-indent:-2em`:                                 false,
		`text-indent:-100%`:                                true,
		`width:0`:                                          true,
		`width:0;overflow:visible`:                         false,
		`width:1px`:                                        false,
		`width:1px;overflow:hidden`:                        true,
		`max-height:0;overflow:hidden`:                     true,
		`height:0;height:auto`:                             false,
		`width:100px;overflow:hidden`:                      false,
		`clip:rect(0,0,0,0)`:                               true,
		`clip:rect(1px, 1px, 1px, 1px)`:                    true,
		`clip:rect(0 0 0 0)`:                               true,
		`clip:rect(0,100px,100px,0)`:                       false,
		`clip:rect(0,auto,auto,0)`:                         false,
		`clip-path:inset(50%)`:                             true,
		`clip-path:inset(0 0 0 100%)`:                      true,
		`clip-path:inset(10px)`:                            false,
		`clip-path:circle(0 at 50% 50%)`:                   true,
		`clip-path:circle(50%)`:                            false,
		`clip-path:polygon(0 0, 0 0, 0 0)`:                 true,
		`clip-path:polygon(0 0,100% 0,100% 90%)`:           false,
		`transform:scale(0)`:                               true,
		`transform:rotate(1deg) scaleX(0)`:                 true,
		`transform:scale3d(1,1,0)`:                         false,
		`transform:translate(0,-9999px)`:                   true,
		`transform:translate(-50%,-50%)`:                   false,
		`transform:matrix(0,0,0,0,1,1)`:                    true,
		`transform:scale(0);transform:scale(1)`:            false,
		`transform:scale(0);transform:scale(x)`:            true,
		`filter:blur(1px) opacity(0)`:                      true,
		`filter:opacity(50%)`:                              false,
		`color:#FFF`:                                       true,
		`color:white`:                                      true,
		`c\olor:wh\69te`:                                   true,
		`\color:white`:                                     false, // of the digit c
		`\63olor:wh\69te`:                                  true,
		`color:ivory`:                                      true,
		`color:rgb(255 255 255)`:                           true,
		`color:rgb(100%,100%,100%)`:                        true,
		`color:rgb(calc(255),255,255)`:                     true,
		`color:hsl(120deg 50% 100%)`:                       true,
		`color:hwb(0 100% 0%)`:                             true,
		`color:oklch(1 0 0)`:                               true,
		`color:lab(100% 0 0)`:                              true,
		`color:color(srgb 1 1 1)`:                          true,
		`color:transparent`:                                true,
		`color:#0000`:                                      true,
		`color:rgba(0,0,0,0)`:                              true,
		`color:rgb(0 0 0/0%)`:                              true,
		`color:rgb(0 0 0/50%)`:                             false,
		`color:#fff;color:blak`:                            true,
		`color:#fff;color:rgb(0,0)`:                        true,
		`color:#fff;color:#12345`:                          true,
		`color:#fff;color:#000`:                            false,
		`color:#fff;background:#000`:                       false,
		`color:#fff;background:#000 bogus`:                 true,
		`color:#fff;background:url(x.png) no-repeat`:       false,
		`color:#fff;background:linear-gradient(red,blue)`:  false,
		`color:#fff;background:transparent`:                true,
		`color:#fff;background:rgba(0,0,0,.01)`:            true,
		`color:#fff;background:none`:                       true,
		`color:red;background-color:#f00`:                  true,
		`color:#010101;background:no-repeat black`:         true,
		`background:currentColor`:                          true,
		`color:red;-webkit-text-fill-color:white`:          true,
		`-webkit-text-fill-color:red;color:white`:          false,
		`color:lab(50% 1 1);background:lab(50% 1 1)`:       true,
		`left:-9999`:                                       true,
		`left:-9999px;left:5`:                              true,
		`left:5`:                                           false,
		`font-size:1`:                                      true,
		`width:1;overflow:hidden`:                          true,
		`color:ffffff`:                                     true,
		`color:#fff;color:000000`:                          true,
		`color:000;background-color:0a0a0a`:                true,
		`color:#fff;background-color:000`:                  true,
		`color:ffffff;color:black`:                         false,
		`color:fffffff`:                                    false,
		`transform:matrix(1,0,0,1,-9999,0)`:                true,
		`clip-path:polygon(evenodd,0 0,0px 0,0 0)`:         true,
		`clip-path:polygon(0 0, 1px 0, 1px 1px)`:           true,
		`clip-path:polygon(10% 0, 10% 100%, 10% 50%)`:      true,
		`--x:var(--x);border:var(--x)`:                     false,
		`--x:var(--x);display:var(--x)`:                    true,
		`display:var(--a,var(--b,none))`:                   true,
		`display:none;display:var(--a,)`:                   true,
		`display:var( --a , none )`:                        true,
		`mso-hide:all`:                                     true,
	}
	for style, want := range cases {
		if got := styled(style); got != want {
			t.Errorf("%q: not seen %v, want %v", style, got, want)
		}
	}
}

func TestAttributes(t *testing.T) {
	cases := map[string]struct {
		list [][2]string
		want bool
	}{
		"none":                      {nil, false},
		"hidden":                    {[][2]string{{"hidden", ""}}, true},
		"aria":                      {[][2]string{{"aria-hidden", " TRUE "}}, true},
		"aria of no element":        {[][2]string{{"aria-hidden", "false"}}, false},
		"the first style alone":     {[][2]string{{"style", "display:none"}, {"style", "display:block"}}, true},
		"the second style":          {[][2]string{{"style", "display:block"}, {"style", "display:none"}}, false},
		"a colour":                  {[][2]string{{"color", "White"}}, true},
		"a colour without its sign": {[][2]string{{"color", "ffffff"}}, true},
		"the first colour":          {[][2]string{{"color", "white"}, {"color", "black"}}, true},
		"a colour with a slip":      {[][2]string{{"color", "#fffffg"}}, true},
		"a long colour":             {[][2]string{{"color", "#ffffffffffff"}}, true},
		"a short colour":            {[][2]string{{"color", "#fff"}}, true},
		"no colour":                 {[][2]string{{"color", "chucknorris"}}, false},
		"a colour on its ground":    {[][2]string{{"color", "white"}, {"bgcolor", "#000"}}, false},
		"letters of the ground":     {[][2]string{{"color", "navy"}, {"bgcolor", "#000080"}}, true},
		"a style over a colour":     {[][2]string{{"style", "color:black"}, {"color", "white"}}, false},
	}
	for name, c := range cases {
		var e sight.Element
		for _, a := range c.list {
			e.Attribute(a[0], a[1])
		}
		if got := e.Invisible(); got != c.want {
			t.Errorf("%s: not seen %v, want %v", name, got, c.want)
		}
	}
}

// What stands behind a style that hides, in a string, a comment or brackets, does not show it.
func FuzzStyle(f *testing.F) {
	for _, s := range []string{`display:none`, `a:url(b`, `a{b:c}d`, `\`, `"`, `/*`, "x:'\n", `--a:var(--a);b:var(--a)`, `a:calc(1px + (2%))`, `color:rgb(1 2 3/4)`, `}`, "\x00\r\n\f", `#\`, `1e9e9`, `clip-path:inset()`, `x:rect()`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if styled(s) != styled(s+" ") && !strings.HasSuffix(s, `\`) && !strings.Contains(s, "url") {
			t.Errorf("%q: a blank behind it makes a difference", s)
		}
		if inert := strings.NewReplacer(`"`, "", `\`, "", "\n", "", "\r", "", "\f", "").Replace(s); !styled(`display:none;content:"` + inert + `"`) {
			t.Errorf("%q in a string shows what is hidden", inert)
		}
		if inert := strings.ReplaceAll(s, "*/", ""); !styled("display:none;/*" + inert + "*/") {
			t.Errorf("%q in a comment shows what is hidden", inert)
		}
		if !styled("display:none!important;"+s) && !strings.Contains(strings.ToLower(s), "i") && !strings.Contains(s, `\`) {
			t.Errorf("%q shows what is hidden though it is not important", s)
		}
	})
}
