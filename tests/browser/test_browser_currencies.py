"""A currency that is typed whole is the one that Enter takes, however many names it stands in."""

from playwright.sync_api import Browser, expect

from tests.support.app import App
from tests.support.browser import fill_form, open_import, open_step, open_tab, see, see_text, settle, upload
from tests.support.practice import PracticeBlnk

TYPED = {
    **{"eur": "EUR · Euro", "EUR": "EUR · Euro", "che": "CHE · WIR Euro", "nad": "NAD · Namibia Dollar"},
    **{"RON": "RON · Romanian Leu", "irr": "IRR · Iranian Rial", "Rub": "RUB · Russian Ruble"},
    **{"aud": "AUD · Australian Dollar", "all": "ALL · Lek", "COU": "COU · Unidad de Valor Real"},
    **{"ved": "VED · Bolívar Soberano", "xad": "XAD · Arab Accounting Dinar", "chf": "CHF · Swiss Franc"},
    **{"usd": "USD · US Dollar", "xdr": "XDR · SDR (Special Drawing Right)", "scr": "SCR · Seychelles Rupee"},
}


def test_typing_a_code_and_enter_chooses_that_code(app: App, browser: Browser) -> None:
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    box = page.get_by_role("combobox", name="Currency")
    for typed, label in TYPED.items():
        box.press("ControlOrMeta+a")
        box.press_sequentially(typed)
        box.press("Enter")
        expect(box).to_have_value(label)
        settle(page)


def test_eur_and_enter_creates_a_balance_in_euros(app: App, browser: Browser, blnk: PracticeBlnk) -> None:
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    box = page.get_by_role("combobox", name="Currency")
    box.fill("eur")
    box.press("Enter")
    expect(box).to_have_value("EUR · Euro")
    settle(page)
    fill_form(page, ledger="Customer wallets", who="Ada")
    page.get_by_role("button", name="Create balance").click()
    see(page, "The balance was created")
    made = [one for one in blnk.balances() if one["meta_data"]["import_id"] in page.url]
    assert [one["currency"] for one in made] == ["EUR"]


def test_a_currency_for_all_rows_is_the_one_that_was_typed(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_import(browser, app.url)
    upload(page, "no currency.csv", b"ledger_id,customer\nCustomer wallets,C-1\n")
    box = page.get_by_role("combobox", name="Currencies for all rows")
    box.press_sequentially("eur")
    box.press("Enter")
    expect(page.get_by_test_id("stMultiSelect").get_by_text("EUR · Euro")).to_be_visible()
    box.press("Escape")
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 1 balance").click()
    see_text(page, "Verified:", seconds=90)
    assert [one["currency"] for one in blnk.balances() if one["meta_data"]["import_id"] in page.url] == [
        "EUR"
    ]
