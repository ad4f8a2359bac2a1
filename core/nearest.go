package core

// Nearest returns the name that is at most a few slips away from word, the
// first of equals, "" when none is: what a message asks with "did you mean".
func Nearest(word string, names []string) string {
	best, limit := "", max(2, len(word)/3)+1
	for _, name := range names {
		if d := editDistance(word, name, limit); d < limit {
			best, limit = name, d
		}
	}
	return best
}

// maxWord bounds the work on what nobody typed by a slip.
const maxWord = 200

// editDistance is Levenshtein's over bytes, given up at limit.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > maxWord || len(b) > maxWord {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
