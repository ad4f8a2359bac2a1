package configimport

import (
	"strings"
)

// hapLine is one line of an HAProxy configuration, taken apart.
type hapLine struct {
	*Line
	words []string
}

// word returns the i-th word, "" when there are fewer.
func (l *hapLine) word(i int) string {
	if i < len(l.words) {
		return l.words[i]
	}
	return ""
}

// hapWords takes a line apart as HAProxy does: blanks separate, \ escapes one
// character, '...' keeps everything, "..." keeps blanks and expands variables,
// an unquoted # ends the line. unknown names the variables without a value;
// open says that a quote has no end.
func hapWords(text string, env func(string) (string, bool)) (words []string, unknown []string, open bool) {
	var b strings.Builder
	inWord := false
	end := func() {
		if inWord {
			words = append(words, b.String())
			b.Reset()
			inWord = false
		}
	}
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == '\'' && c != '\'':
			b.WriteByte(c)
		case c == '\\' && quote != '\'':
			n, s := hapEscape(text[i:], quote)
			b.WriteString(s)
			i += n - 1
			inWord = true
		case c == '"' && quote != '\'', c == '\'' && quote != '"':
			inWord = true
			if quote == 0 {
				quote = c
			} else {
				quote = 0
			}
		case c == '$' && (quote == '"' || strings.HasPrefix(text[i:], "${")):
			// Unquoted ${VAR} counts in addresses alone; there is no other use for it.
			n, name, fallback, has := hapVariable(text[i:])
			value, known := "", false
			if name != "" {
				value, known = env(name)
			}
			switch {
			case name == "":
				b.WriteByte(c)
			case known:
				b.WriteString(value)
			case has:
				b.WriteString(fallback)
			default:
				unknown = append(unknown, name)
				b.WriteString(text[i : i+n])
			}
			inWord = true
			i += max(n, 1) - 1
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r'):
			end()
		case quote == 0 && c == '#':
			end()
			return words, unknown, false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	end()
	return words, unknown, quote != 0
}

// hapEscape reads an escape: how many bytes it has, and what it stands for.
func hapEscape(text string, quote byte) (n int, s string) {
	if len(text) < 2 {
		return 1, `\`
	}
	c := text[1]
	if quote == '"' && c != '"' && c != '\\' && c != '$' {
		return 1, `\`
	}
	switch c {
	case 'r':
		return 2, "\r"
	case 'n':
		return 2, "\n"
	case 't':
		return 2, "\t"
	case 'x':
		if len(text) >= 4 {
			high, low := unhex(text[2]), unhex(text[3])
			if high >= 0 && low >= 0 {
				return 4, string([]byte{byte(high<<4 | low)})
			}
		}
	}
	if strings.IndexByte(` \#'"$`, c) >= 0 {
		return 2, string(c)
	}
	return 1, `\`
}

func unhex(c byte) int {
	return strings.IndexByte("0123456789abcdef", c|0x20)
}

// hapVariable reads $NAME or ${NAME} or ${NAME-default}; name is "" for none.
func hapVariable(text string) (n int, name, fallback string, has bool) {
	braces := strings.HasPrefix(text, "${")
	i := 1
	if braces {
		i = 2
	}
	start := i
	for i < len(text) && (text[i] == '_' || text[i] >= '0' && text[i] <= '9' || text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z') {
		i++
	}
	name = text[start:i]
	if !braces {
		return i, name, "", false
	}
	rest, _, closed := strings.Cut(text[i:], "}")
	if !closed || name == "" {
		return 1, "", "", false
	}
	n = i + len(rest) + 1
	if fallback, has = strings.CutPrefix(rest, "-"); has {
		return n, name, fallback, true
	}
	return n, name, "", false
}
