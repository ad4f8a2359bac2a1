package sim

import (
	"math/bits"
	"slices"

	"lockstep/core"
)

// normalTable holds quantiles of the normal distribution in units of 2^-24 of
// its 99th percentile. Entry 8k + i is the one that a share of
// 2^-(k+1) x (1 - i/16) lies above, so that each halving of the tail has eight.
type normalTable [193]uint32

// newNormalTable returns the table; its test compares it with the error function.
func newNormalTable() *normalTable {
	return &normalTable{
		0, 565497, 1134497, 1710660, 2297972, 2900957, 3524970, 4176600, 4864303, 5225072, 5599419, 5989500,
		6397947, 6828025, 7283873, 7770855, 8296120, 8576046, 8869527, 9178481, 9505265, 9852824, 10224906, 10626392,
		11063810, 11298685, 11546196, 11808106, 12086586, 12384350, 12704860, 13052628, 13433698, 13639216, 13856447, 14087031,
		14332984, 14596834, 14881804, 15192101, 15533369, 15717948, 15913436, 16121368, 16343633, 16582601, 16841294, 17123664,
		17435015, 17603750, 17782711, 17973341, 18177423, 18397191, 18635500, 18896079, 19183944, 19340182, 19506061, 19682951,
		19872539, 20076944, 20298873, 20541870, 20810697, 20956768, 21111979, 21277631, 21455332, 21647100, 21855515, 22083956,
		22336966, 22474566, 22620869, 22777120, 22944854, 23126002, 23323031, 23539175, 23778785, 23909192, 24047920, 24196161,
		24355389, 24527454, 24714727, 24920312, 25148388, 25272593, 25404779, 25546094, 25697955, 25862144, 26040940, 26237334,
		26455352, 26574140, 26700606, 26835858, 26981262, 27138536, 27309883, 27498186, 27707335, 27821340, 27942751, 28072639,
		28212324, 28363469, 28528202, 28709315, 28910570, 29020312, 29137215, 29262315, 29396892, 29542555, 29701369, 29876037,
		30070208, 30176122, 30288973, 30409766, 30539744, 30680468, 30833942, 31002793, 31190563, 31293014, 31402198, 31519091,
		31644901, 31781146, 31929774, 32093340, 32275290, 32374590, 32480434, 32593774, 32715784, 32847944, 32992148, 33150886,
		33327514, 33423931, 33526719, 33636804, 33755333, 33883746, 34023892, 34178197, 34349935, 34443701, 34543678, 34650769,
		34766092, 34891054, 35027459, 35177676, 35344901, 35436220, 35533600, 35637923, 35750283, 35872053, 36004996, 36151427,
		36314472, 36403522, 36498493, 36600250, 36709859, 36828665, 36958393, 37101306, 37260462, 37347402, 37440132, 37539499,
		37646547, 37762592, 37889322, 38028955, 38184484, 38269454, 38360092, 38457227, 38561882, 38675347, 38799276, 38935840,
		39087975,
	}
}

// quantile returns how far from the median a draw lies, between entries in a
// straight line, and beyond the last not further than that (2^-25 of the tail).
func (t *normalTable) quantile(h uint64) uint64 {
	h |= 1
	octave := bits.LeadingZeros64(h)
	if octave >= 24 {
		return uint64(t[192])
	}
	below := ^(h << octave << 1) // how far below the octave's top, in units of 2^-64 of half of it
	n, rest := octave*8+int(below>>61), below<<3>>48
	low, high := uint64(t[n]), uint64(t[n+1])
	return low + (high-low)*rest>>16
}

// logNormal returns Typical x (P99/Typical)^z with z drawn normally, as 2^(z log2(P99/Typical)).
func (p *sampler) logNormal(h uint64) core.Duration {
	exponent := p.normal.quantile(h<<1) * p.spread >> 24
	if h>>63 == 0 {
		return portion(p.Typical, 1<<24, max(1, p.log.exp2(exponent)))
	}
	return portion(p.Typical, p.log.exp2(exponent), 1<<24)
}

// log2 returns log2(x) for x above 0, in units of 2^-24.
func log2(x uint64) uint64 {
	zeros := bits.LeadingZeros64(x)
	return uint64(63-zeros)<<24 | log2Fraction(x<<zeros)
}

// exp2 returns 2^x in units of 2^-24, for x in units of 2^-24: the table of
// logarithms read backwards. It stops at 2^39, beyond every length of time.
func (t *logTable) exp2(x uint64) uint64 {
	whole, fraction := x>>24, x&(1<<24-1)
	i, exact := slices.BinarySearch(t[:], fraction)
	if !exact {
		i--
	}
	mantissa := uint64(256+i) << 16
	if !exact {
		mantissa += (fraction - t[i]) << 16 / (t[i+1] - t[i])
	}
	return mantissa << min(whole, 39)
}
