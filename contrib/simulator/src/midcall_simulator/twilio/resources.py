"""The reading side of an account: numbers, messaging services, A2P campaigns, toll-free verifications.

The shapes are those of Twilio's published descriptions (api v2010 and messaging v1).
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from midcall_simulator.twilio.world import MessagingService, OwnedNumber, make_sid

NUMBER_FILTERS = frozenset({"Beta", "FriendlyName", "PhoneNumber", "Origin"})
VERIFICATION_FILTERS = frozenset(
    {"TollfreePhoneNumberSid", "Status", "ExternalReferenceId", "IncludeSubAccounts", "TrustProductSid"}
)


def number_json(owned: OwnedNumber) -> dict[str, object]:
    """The IncomingPhoneNumber resource."""
    when = format_datetime(owned.created)
    return {
        "account_sid": owned.account_sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": "2010-04-01",
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"fax": False, "mms": owned.mms, "sms": owned.sms, "voice": owned.voice},
        "date_created": when,
        "date_updated": when,
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": friendly_name(owned),
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": owned.number,
        "sid": owned.sid,
        "sms_application_sid": None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": None,
        "sms_method": "POST",
        "sms_url": None,
        "status": "in-use",
        "status_callback": None,
        "status_callback_method": "POST",
        "trunk_sid": None,
        "type": "toll-free" if owned.toll_free else "local",
        "uri": f"/2010-04-01/Accounts/{owned.account_sid}/IncomingPhoneNumbers/{owned.sid}.json",
        "voice_application_sid": None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": None,
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": None,
    }


def friendly_name(owned: OwnedNumber) -> str:
    """The name Twilio gives a number that nobody named: (202) 555-0100 for a North American one."""
    number = owned.number
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


def service_json(service: MessagingService, *, base: str) -> dict[str, object]:
    """The messaging Service resource."""
    url = f"{base}/v1/Services/{service.sid}"
    return {
        "account_sid": service.account_sid,
        "area_code_geomatch": True,
        "date_created": _iso(service.created),
        "date_updated": _iso(service.created),
        "fallback_method": "POST",
        "fallback_to_long_code": False,
        "fallback_url": None,
        "friendly_name": service.name,
        "inbound_method": "POST",
        "inbound_request_url": None,
        "links": {
            "phone_numbers": f"{url}/PhoneNumbers",
            "us_app_to_person": f"{url}/Compliance/Usa2p",
        },
        "mms_converter": False,
        "scan_message_content": "inherit",
        "sid": service.sid,
        "smart_encoding": False,
        "status_callback": service.status_callback,
        "sticky_sender": True,
        "synchronous_validation": False,
        "url": url,
        "us_app_to_person_registered": service.registered,
        "use_inbound_webhook_on_number": True,
        "usecase": "notifications",
        "validity_period": 36000,
    }


def service_number_json(owned: OwnedNumber, *, service: MessagingService, base: str) -> dict[str, object]:
    """The PhoneNumber resource of a messaging Service."""
    able = (("Voice", owned.voice), ("SMS", owned.sms), ("MMS", owned.mms))
    return {
        "account_sid": owned.account_sid,
        "capabilities": [name for name, has in able if has],
        "country_code": "US" if owned.number.startswith("+1") else None,
        "date_created": _iso(owned.created),
        "date_updated": _iso(owned.created),
        "phone_number": owned.number,
        "service_sid": service.sid,
        "sid": owned.sid,
        "url": f"{base}/v1/Services/{service.sid}/PhoneNumbers/{owned.sid}",
    }


def campaign_json(service: MessagingService, *, base: str) -> dict[str, object]:
    """The US App To Person resource (the A2P 10DLC campaign) of a messaging Service that has one."""
    sid = make_sid("QE", service.sid)
    return {
        "account_sid": service.account_sid,
        "age_gated": False,
        "brand_registration_sid": make_sid("BN", service.account_sid),
        "campaign_id": "C" + make_sid("", service.sid)[:6].upper() if service.registered else None,
        "campaign_status": service.campaign,
        "date_created": _iso(service.created),
        "date_updated": _iso(service.created),
        "description": "Texts a caller asked for while on the phone with the front desk.",
        "direct_lending": False,
        "errors": [],
        "has_embedded_links": True,
        "has_embedded_phone": True,
        "help_keywords": ["HELP"],
        "help_message": "Reply STOP to get no more texts.",
        "is_externally_registered": False,
        "message_flow": "The caller asks for a text during the call and agrees to receive it on the caller's number.",
        "message_samples": ["Here is the link you asked for: https://example.com/b"],
        "messaging_service_sid": service.sid,
        "mock": False,
        "opt_in_keywords": ["START"],
        "opt_in_message": "You will receive texts again.",
        "opt_out_keywords": ["STOP"],
        "opt_out_message": "You will receive no more texts.",
        "rate_limits": {"att": {"mps": 75, "msg_class": "B"}, "tmobile": {"brand_tier": "TOP"}},
        "sid": sid,
        "subscriber_opt_in": True,
        "url": f"{base}/v1/Services/{service.sid}/Compliance/Usa2p/{sid}",
        "us_app_to_person_usecase": "CUSTOMER_CARE",
    }


def verification_json(owned: OwnedNumber, *, base: str) -> dict[str, object]:
    """The Tollfree Verification resource of a toll-free number that has one."""
    sid = make_sid("HH", owned.sid)
    rejected = owned.toll_free_status == "TWILIO_REJECTED"
    return {
        "account_sid": owned.account_sid,
        "business_name": "Example Inc.",
        "business_website": "https://example.com",
        "customer_profile_sid": make_sid("BU", owned.account_sid),
        "date_created": _iso(owned.created),
        "date_updated": _iso(owned.created),
        "edit_allowed": True if rejected else None,
        "edit_expiration": None,
        "error_code": None,
        "external_reference_id": None,
        "message_volume": "1,000",
        "notification_email": "desk@example.com",
        "opt_in_image_urls": ["https://example.com/opt-in.png"],
        "opt_in_type": "VERBAL",
        "production_message_sample": "Here is the link you asked for: https://example.com/b",
        "regulated_item_sid": make_sid("RA", owned.sid),
        "rejection_reason": "Rejected by the simulator's settings" if rejected else None,
        "rejection_reasons": None,
        "resource_links": {},
        "sid": sid,
        "status": owned.toll_free_status,
        "tollfree_phone_number": owned.number,
        "tollfree_phone_number_sid": owned.sid,
        "trust_product_sid": make_sid("BU", owned.sid),
        "url": f"{base}/v1/Tollfree/Verifications/{sid}",
        "use_case_categories": ["CUSTOMER_CARE"],
        "use_case_summary": "Texts a caller asked for while on the phone.",
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
