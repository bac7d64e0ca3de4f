"""What people write for a currency besides the current codes: withdrawn codes, everyday names, crypto."""

from typing import NamedTuple


class Withdrawn(NamedTuple):
    """A code that is no longer in use. `successor` is None if several currencies replaced it."""

    year: int
    successor: str | None


_WITHDRAWN = """
ADP 2003 EUR, AFA 2003 AFN, ALK 1989 ALL, ANG 2025 XCG, AOK 1991 AOA, AON 2000 AOA, AOR 2000 AOA,
ARA 1992 ARS, ARP 1985 ARS, ARY 1990 ARS, ATS 2002 EUR, AYM 2005 AZN, AZM 2005 AZN, BAD 1998 BAM,
BEC 1990 EUR, BEF 2002 EUR, BEL 1990 EUR, BGJ 1990 EUR, BGK 1990 EUR, BGL 2003 EUR, BGN 2026 EUR,
BOP 1987 BOB, BRB 1986 BRL, BRC 1989 BRL, BRE 1993 BRL, BRN 1990 BRL, BRR 1994 BRL, BUK 1990 MMK,
BYB 2001 BYN, BYR 2017 BYN, CHC 2004 CHW, CSD 2006 RSD, CSJ 1990, CSK 1993, CUC 2021 CUP,
CYP 2008 EUR, DDM 1990 EUR, DEM 2002 EUR, ECS 2000 USD, ECV 2000, EEK 2011 EUR, ESA 1981 EUR,
ESB 1994 EUR, ESP 2002 EUR, FIM 2002 EUR, FRF 2002 EUR, GEK 1995 GEL, GHC 2008 GHS, GHP 2007 GHS,
GNE 1989 GNF, GNS 1986 GNF, GQE 1986 XAF, GRD 2002 EUR, GWE 1981 XOF, GWP 1997 XOF, HRD 1995 EUR,
HRK 2023 EUR, IEP 2002 EUR, ILP 1981 ILS, ILR 1990 ILS, ISJ 1990 ISK, ITL 2002 EUR, LAJ 1979 LAK,
LSM 1985 LSL, LTL 2014 EUR, LTT 1993 EUR, LUC 1990 EUR, LUF 2002 EUR, LUL 1990 EUR, LVL 2014 EUR,
LVR 1994 EUR, MGF 2004 MGA, MLF 1984 XOF, MRO 2017 MRU, MTL 2008 EUR, MTP 1983 EUR, MVQ 1989 MVR,
MXP 1993 MXN, MZE 1981 MZN, MZM 2006 MZN, NIC 1990 NIO, NLG 2002 EUR, PEH 1990 PEN, PEI 1991 PEN,
PES 1986 PEN, PLZ 1997 PLN, PTE 2002 EUR, RHD 1981, ROK 1990 RON, ROL 2005 RON, RUR 2004 RUB,
SDD 2007 SDG, SDP 1998 SDG, SIT 2007 EUR, SKK 2009 EUR, SLL 2023 SLE, SRG 2003 SRD, STD 2017 STN,
SUR 1990, TJR 2001 TJS, TMM 2009 TMT, TPE 2002 USD, TRL 2005 TRY, UAK 1996 UAH, UGS 1987 UGX,
UGW 1990 UGX, USS 2014, UYN 1989 UYU, UYP 1993 UYU, VEB 2008 VES, VEF 2018 VES, VNC 1990 VND,
XEU 1999 EUR, XFO 2006, XFU 2013, XRE 1999, YDD 1991 YER, YUD 1990, YUM 2003 RSD,
YUN 1995, ZAL 1995 ZAR, ZMK 2012 ZMW, ZRN 1999 CDF, ZRZ 1994 CDF, ZWC 1989 ZWG, ZWD 2008 ZWG,
ZWL 2024 ZWG, ZWN 2006 ZWG, ZWR 2009 ZWG
"""


def _withdrawn() -> dict[str, Withdrawn]:
    entries = (entry.split() for entry in _WITHDRAWN.split(","))
    return {code: Withdrawn(int(year), rest[0] if rest else None) for code, year, *rest in entries}


WITHDRAWN = _withdrawn()
"""The year in which each code was withdrawn (ISO 4217 list three, historic denominations), and its
successor."""

MEANS = {
    **{
        "RMB": "CNY",
        "CNH": "CNY",
        "YUAN": "CNY",
        "STG": "GBP",
        "UKP": "GBP",
        "STERLING": "GBP",
        "YEN": "JPY",
    },
    **{"US": "USD", "USA": "USD", "UDS": "USD", "EURO": "EUR", "EUROS": "EUR", "NIS": "ILS", "SHEKEL": "ILS"},
    **{"SFR": "CHF", "SFRS": "CHF", "NTD": "TWD", "DKR": "DKK", "SKR": "SEK", "NKR": "NOK", "IKR": "ISK"},
    **{"TL": "TRY", "YTL": "TRY", "AUS": "AUD", "CAN": "CAD", "KSH": "KES", "KSHS": "KES", "TSH": "TZS"},
    **{
        "USH": "UGX",
        "CEDI": "GHS",
        "CEDIS": "GHS",
        "NAIRAS": "NGN",
        "RANDS": "ZAR",
        "ZL": "PLN",
        "ZŁ": "PLN",
    },
    **{"KČ": "CZK", "FT": "HUF"},
    **{"€": "EUR", "£": "GBP", "₦": "NGN", "₹": "INR", "₵": "GHS", "US$": "USD", "$US": "USD", "A$": "AUD"},
    **{
        "NZ$": "NZD",
        "HK$": "HKD",
        "NT$": "TWD",
        "S$": "SGD",
        "R$": "BRL",
        "₽": "RUB",
        "₺": "TRY",
        "₩": "KRW",
    },
    **{"₴": "UAH", "₪": "ILS", "₫": "VND", "฿": "THB", "₱": "PHP", "₡": "CRC", "₸": "KZT", "₾": "GEL"},
    **{"₼": "AZN", "৳": "BDT", "₲": "PYG", "₭": "LAK", "₮": "MNT"},
}
"""Everyday names and signs that mean exactly one currency. A bare $, ¥ or "lei" is ambiguous."""

_CRYPTO = """
BTC XBT ETH USDT USDC BNB XRP SOL ADA DOGE DOT TRX LTC BCH XLM XMR DAI BUSD TUSD USDP PYUSD FDUSD
GUSD USDE USDS EURC EURT EURS CNGN MATIC POL AVAX SHIB LINK UNI ATOM ETC FIL APT ARB NEAR ALGO VET
ICP EOS XTZ TON WBTC WETH STETH ZEC DASH NEO AAVE MKR HBAR SUI PEPE RLUSD
"""

CRYPTO = frozenset(_CRYPTO.split())
"""Crypto assets that look like misspelled currency codes."""

NOT_MONEY = {
    "XXX": "means that no currency is involved",
    "XTS": "is reserved for testing",
}
"""ISO 4217 codes in which nobody holds a balance."""
